#!/usr/bin/env bash
# Each fuzz target for a minute, where a nightly toolchain and cargo-fuzz are at hand.
# Without them nothing is lost: `cargo test` runs every corpus file through the same functions.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
if ! cargo +nightly fuzz --version >/dev/null 2>&1; then
  echo "fuzzing skipped: it needs a nightly toolchain with cargo-fuzz"
  exit 0
fi
for target in $(cargo +nightly fuzz list); do
  cargo +nightly fuzz run "$target" -- -max_total_time="$seconds"
done
