#!/usr/bin/env bash
# The oldest compiler that `Cargo.toml` promises builds everything: this one if it is that, or one that rustup installs.
set -euo pipefail
cd "$(dirname "$0")/.."
version=$(sed -nE 's/^rust-version = "(.*)"/\1/p' Cargo.toml | head -1)
if rustc --version | grep -q "^rustc ${version//./\\.}[. ]"; then
  echo "this is Rust $version, with which the other steps build everything"
elif rustup toolchain install "$version" --profile minimal; then
  cargo "+$version" check --package selvedge --all-targets
else
  echo "skipped: Rust $version is not here, and rustup cannot install it"
fi
