#!/usr/bin/env bash
# A browser, if one can be had; the tests, by the README's own command; then the planted bugs of the shipped objects.
set -euo pipefail
cd "$(dirname "$0")/.."
bash ci/browser.sh
cargo test
cargo test --test objects
