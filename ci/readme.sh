#!/usr/bin/env bash
# The README's commands, taken from the README, in a clean clone in a temporary folder.
# Dependencies that are already built here are not built again.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-$PWD/target}
clone=$(mktemp -d)
trap 'rm -rf "$clone"' EXIT
git clone --quiet . "$clone"
mapfile -t commands < <(sed -n '/^```sh$/,/^```$/p' "$clone/README.md" | grep '^cargo ' | sed 's/ *#.*//')
if [ "${#commands[@]}" -lt 2 ]; then
  echo "the README shows ${#commands[@]} commands" >&2
  exit 1
fi
cd "$clone"
for command in "${commands[@]}"; do
  # `cargo test` is a step of its own, on the checkout itself.
  if [ "$command" = "cargo test" ]; then continue; fi
  echo "$ $command"
  CARGO_TARGET_DIR=$target $command
done
