#!/usr/bin/env bash
# The partial-order reduction against brute force and against plain depth-first search, the exact engine against the
# axioms of its memory model and against the reduction, on many more random programs than `cargo test` has time for; and
# as many litmus tests under shuttle against the axioms.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=${1:-20000}
export SELVEDGE_DPOR_PROGRAMS=$programs
export SELVEDGE_AGREEMENT_PROGRAMS=$programs
export SELVEDGE_ORACLE_PROGRAMS=$programs
export SELVEDGE_EXACT_PROGRAMS=$programs
export SELVEDGE_TEST_HISTORIES=$programs
cargo test --release --lib rt::rc11 -- --nocapture
cargo test --release --lib engine::shuttle -- --nocapture
cargo test --release --lib linearizability -- --nocapture
SELVEDGE_LITMUS_PROGRAMS=$programs cargo test --release --test it -- shuttle_and_the_oracle --nocapture
