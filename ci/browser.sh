#!/usr/bin/env bash
# A browser for the tests of pages, from the system's packages; without one those tests say that they are skipped.
set -euo pipefail
for name in chromium chromium-browser google-chrome google-chrome-stable; do
  if command -v "$name"; then exit 0; fi
done
if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
  echo "no browser: only root can install one, so the tests of pages are skipped"
  exit 0
fi
as_root=$([ "$(id -u)" = 0 ] || echo sudo)
$as_root apt-get update -qq && $as_root apt-get install -y -qq --no-install-recommends chromium \
  || echo "no browser: the system has no package of chromium, so the tests of pages are skipped"
