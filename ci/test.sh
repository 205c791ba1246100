#!/usr/bin/env bash
# The tests, by the README's own command; then the planted bugs of the shipped objects.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
cargo test --test objects
