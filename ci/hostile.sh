#!/usr/bin/env bash
# The whole hostile suite: 200 signals, 2,000 mutated tokens, 1,000 runs in a row, and each cell's own limits. The short
# half of it is part of `cargo test`.
set -euo pipefail
cd "$(dirname "$0")/.."
SELVEDGE_HOSTILE=whole cargo test --test hostile -- --test-threads 1 "$@"
