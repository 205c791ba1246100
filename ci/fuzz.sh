#!/usr/bin/env bash
# Each fuzz target for so many seconds (60), guided by coverage; `ci/fuzz.sh 600 litmus` is one target for ten minutes.
#
# No nightly toolchain is needed: without a sanitizer, libFuzzer's coverage takes flags that stable compilers have.
# cargo-fuzz is installed where it is not and can be. Without it nothing is lost: `cargo test` takes every file of the
# corpus through the same functions.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-60}
shift || true
if ! cargo fuzz --version >/dev/null 2>&1 && ! cargo install cargo-fuzz --locked; then
  echo "fuzzing skipped: cargo-fuzz is not installed, and cannot be"
  exit 0
fi
targets=("$@")
((${#targets[@]})) || mapfile -t targets < <(cargo fuzz list)
# What the fuzzer adds for its own use goes beside the corpus; what it finds goes into the corpus by hand.
for target in "${targets[@]}"; do
  echo "== $target"
  found=fuzz/target/corpus/$target
  mkdir -p "$found"
  cargo fuzz run --sanitizer none "$target" "$found" "fuzz/corpus/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
done
