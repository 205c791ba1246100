#!/usr/bin/env bash
# Each set of features builds and passes its tests, and brings no more packages than it says.
#
# `--count` only prints how many packages each brings, without building anything.
set -euo pipefail
cd "$(dirname "$0")/.."

# Packages besides this one that a set of features brings into a program that uses it.
count() {
  cargo tree --package selvedge --edges normal --prefix none --format '{p}' "$@" | sed 's/ (.*//' | sort -u |
    grep -vc '^selvedge '
}

within() {
  local name=$1 most=$2
  shift 2
  local packages
  packages=$(count "$@" || true)
  printf '%-16s %3d packages (at most %d)\n' "$name" "$packages" "$most"
  ((packages <= most)) || { echo "too many packages with $name"; exit 1; }
}

within linearizability 15 --no-default-features --features linearizability
within facade 2 --no-default-features --features facade
within default 150

for unwanted in loom shuttle clap; do
  if cargo tree --package selvedge --edges normal --prefix none --no-default-features --features facade |
    grep -q "^$unwanted "; then
    echo "the facade brings $unwanted"
    exit 1
  fi
done

[ "${1:-}" = --count ] && exit 0

for features in linearizability facade facade,linearizability facade,const-new; do
  cargo test --package selvedge --no-default-features --features "$features" --lib
done
cargo check --package selvedge --all-targets
# Code with objects in statics, on std's types and under the checkers.
cargo check --package selvedge-statics
for engine in rc11 loom shuttle; do
  SELVEDGE_ENGINE=$engine cargo test --package selvedge-statics --features checked
done
