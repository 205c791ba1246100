#!/usr/bin/env bash
# The tests, by the README's own command.
set -euo pipefail
cd "$(dirname "$0")/.."
cargo test
