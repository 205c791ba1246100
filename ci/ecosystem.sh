#!/usr/bin/env bash
# Published crates on selvedge: their own loom tests, with one line of their Cargo.toml changed.
#
# usage: ci/ecosystem.sh [short | all | more | CRATE...]
#
# Fetches the crates by cargo into a folder of its own (ECOSYSTEM_DIR, or a temporary one), replaces `loom` in the
# copies' Cargo.toml by `loom = { package = "selvedge", path = … }` and nothing else, and runs each crate's loom tests
# on loom and on selvedge. Prints a table, and fails if a test that passes on loom fails on selvedge, but for a fault of
# the crate that is listed with what is wrong, or if a crate has run no test.
#
# shuttle's own tests, `shuttle`, run the same way on shuttle and on `selvedge::compat::shuttle`. What is shuttle's alone
# (its schedules, schedulers of one's own, its traces) is listed with the reason, and fails nothing.
set -euo pipefail
export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-2}
here=$(cd "$(dirname "$0")/.." && pwd)
short="concurrent-queue oneshot event-listener"
all="$short parking bytes sharded-slab loom left-right boxcar flashmap tokio shuttle"
# More that ship models.
more="thingbuf diatomic-waker async-event st3 cordyceps maitake-sync swap-queue lfqueue cupchan rapidfire
  parkring saa sdd scc aiq spmc-waker burstq swap-buffer-queue tachyonix multishot haphazard tokio-util"
case "${1:-short}" in
  short) crates=$short ;;
  all) crates=$all ;;
  more) crates=$more ;;
  *) crates=$* ;;
esac
# What is built is kept.
target=${CARGO_TARGET_DIR:-$here/target}/ecosystem
if [ -n "${ECOSYSTEM_DIR:-}" ]; then
  dir=$ECOSYSTEM_DIR
  mkdir -p "$dir"
else
  dir=$(mktemp -d)
  trap 'rm -rf "$dir"' EXIT
fi

# What a crate's tests are called, beside `cargo test`.
arguments() {
  case $1 in
    concurrent-queue) echo "--test loom --features loom" ;;
    oneshot) echo "--test loom --features loom,std,async" ;;
    event-listener) echo "--test loom --features loom" ;;
    parking) echo "--test loom --features loom" ;;
    bytes) echo "--lib fuzz" ;;
    left-right | haphazard) echo "--test loom" ;;
    st3) echo "--test loom" ;;
    thingbuf | diatomic-waker | async-event | tachyonix | multishot) echo "--lib" ;;
    burstq | swap-buffer-queue | swap-queue) echo "--lib" ;;
    cordyceps | maitake-sync) echo "--lib --features alloc" ;;
    # Its other tests are none of models.
    lfqueue) echo "--lib loom_" ;;
    cupchan) echo "--test loom_test" ;;
    rapidfire) echo "--test loom --test mpsc_loom --features loom" ;;
    parkring) echo "--lib --test loom --test loom_channel --test loom_pool --test loom_scq" ;;
    boxcar) echo "--test loom --test loom_buckets --features loom" ;;
    saa | sdd | scc) echo "--lib --features loom" ;;
    aiq) echo "--test loom_notify --test loom_semaphore" ;;
    spmc-waker) echo "--test spmc_waker" ;;
    flashmap) echo "--test loom --features loom" ;;
    tokio-util) echo "--lib --features full loom_" ;;
    sharded-slab) echo "--lib" ;;
    tokio) echo "--lib --features full,test-util loom_" ;;
    loom) echo "--features futures,checkpoint --tests" ;;
  esac
}

# By what a crate knows that it is built for loom. A word that is one crate's says nothing to others, and what all need
# is built once with it; but tachyonix and burstq need async-event as it is without loom, and rapidfire event-listener.
flags() {
  case $1 in
    rapidfire | saa | sdd | scc | async-event) echo "--cfg async_event_loom" ;;
    oneshot | st3 | multishot | tachyonix | diatomic-waker)
      echo "--cfg oneshot_loom --cfg st3_loom --cfg multishot_loom --cfg tachyonix_loom --cfg diatomic_waker_loom"
      ;;
    *) echo "--cfg loom --cfg tokio_unstable" ;;
  esac
}

# Crates that it depends on, which use loom themselves.
with_it() {
  case $1 in
    event-listener) echo "concurrent-queue parking" ;;
    maitake-sync) echo "cordyceps" ;;
    sdd) echo "saa" ;;
    scc) echo "saa sdd" ;;
    tokio) echo "bytes" ;;
  esac
}

# What cargo is asked for: the last version. One that is not yet out must be named.
requirement() {
  case $1 in
    aiq) echo "0.1.0-alpha" ;;
    *) echo "*" ;;
  esac
}

fetch() {
  mkdir -p "$dir/fetch/src"
  {
    printf '[package]\nname = "fetch"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n[dependencies]\n'
    for crate in $crates $(for crate in $crates; do with_it "$crate"; done); do
      printf '%s = "%s"\n' "$crate" "$(requirement "$crate")"
    done | sort -u
  } >"$dir/fetch/Cargo.toml"
  touch "$dir/fetch/src/lib.rs"
  (cd "$dir/fetch" && cargo vendor --quiet vendor >/dev/null)
}

# suite WHERE: loom's own tests, as a package of their own, for in loom's package they could use nothing but loom.
suite() {
  [ -d "$dir/$1/loom" ] && return
  mkdir -p "$dir/$1/loom/src"
  cp -r "$dir/fetch/vendor/loom/tests" "$dir/$1/loom/tests"
  touch "$dir/$1/loom/src/lib.rs"
  local version
  version=$(sed -nE 's/^version = "(.*)"/\1/p' "$dir/fetch/vendor/loom/Cargo.toml" | head -1)
  cat >"$dir/$1/loom/Cargo.toml" <<END
[package]
name = "loom-tests"
version = "$version"
edition = "2021"
[features]
futures = []
checkpoint = []
[dev-dependencies.loom]
version = "$version"
features = ["futures", "checkpoint"]
[dev-dependencies.futures-util]
version = "0.3"
[workspace]
END
}

# shuttle_suite WHERE: shuttle's own tests, each file a test program of its own, so that those that build are run. On
# selvedge, the package `shuttle` is one line.
shuttle_suite() {
  [ -d "$dir/$1/shuttle" ] && return
  local from=$dir/fetch/vendor/shuttle to=$dir/$1/shuttle version dependency file name folder module
  mkdir -p "$to/src" "$to/tests"
  touch "$to/src/lib.rs"
  cp -r "$from/tests" "$to/files"
  version=$(sed -nE 's/^version = "(.*)"/\1/p' "$from/Cargo.toml" | head -1)
  dependency="version = \"=$version\""
  if [ "$1" = selvedge ]; then
    mkdir -p "$to/thin/src"
    printf '[package]\nname = "shuttle"\nversion = "%s"\nedition = "2024"\n[dependencies.selvedge]\npath = "%s"\n' \
      "$version" "$here" >"$to/thin/Cargo.toml"
    echo 'pub use selvedge::compat::shuttle::*;' >"$to/thin/src/lib.rs"
    dependency='path = "thin"'
  fi
  {
    printf '[package]\nname = "shuttle-tests"\nversion = "%s"\nedition = "2021"\n[workspace]\n' "$version"
    printf '[dev-dependencies.shuttle]\n%s\n' "$dependency"
    # As shuttle has them, but for what its benchmarks and its tests of the compiler's messages need.
    awk '/^\[/ { ours = /^\[dev-dependencies\./ && !/criterion|trybuild|rustversion/ } ours' "$from/Cargo.toml"
  } >"$to/Cargo.toml"
  # What `tests/mod.rs` has for all.
  sed -n '/^use shuttle::scheduler/,$p' "$from/tests/mod.rs" >"$to/files/root.rs"
  for file in "$to"/files/*/*.rs; do
    folder=$(basename "$(dirname "$file")")
    module=$(basename "$file" .rs)
    case $folder/$module in
      */mod | ui/* | before*/* | basic/annotation) continue ;;
    esac
    name=${folder}_$module
    {
      printf '#![allow(warnings)]\nmod %s {\n  #[path = "%s"]\n  mod %s;\n}\n' "$folder" "$file" "$module"
      if grep -q 'crate::basic::clocks' "$file"; then
        printf '// clocks\n'
      fi
      cat "$to/files/root.rs"
    } >"$to/tests/$name.rs"
    if grep -q '^// clocks' "$to/tests/$name.rs"; then
      clocks="  #[path = \"$to/files/basic/clocks.rs\"]\n  pub(crate) mod clocks;"
      if [ "$folder" = basic ]; then
        sed -i "s|^mod basic {|&\n$clocks|" "$to/tests/$name.rs"
      else
        printf 'mod basic {\n%b\n}\n' "$clocks" >>"$to/tests/$name.rs"
      fi
    fi
  done
}

# copy WHERE CRATE: of the package as it was published, a package of its own.
copy() {
  [ "$2" = loom ] && { suite "$1"; return; }
  [ "$2" = shuttle ] && { shuttle_suite "$1"; return; }
  [ -d "$dir/$1/$2" ] && return
  mkdir -p "$dir/$1"
  cp -r "$dir/fetch/vendor/$2" "$dir/$1/$2"
  rm -f "$dir/$1/$2/.cargo-checksum.json" "$dir/$1/$2/Cargo.lock"
  grep -q '^\[workspace\]' "$dir/$1/$2/Cargo.toml" || printf '\n[workspace]\n' >>"$dir/$1/$2/Cargo.toml"
}

# The one change, in every table of a dependency on loom. loom's features are all there anyway: with the same ones for
# all crates selvedge is built once.
ours() {
  awk -v path="$here" '
    /^\[/ { loom = ($0 ~ /dependencies\.("?loom"?|loom-crate)\]$/) }
    loom && /^package = / { next }
    loom && /^version = / {
      print "package = \"selvedge\""
      print "path = \"" path "\""
      print "features = [\"checkpoint\", \"futures\"]"
      next
    }
    loom && /^features = / { skipped = 1 }
    skipped { if (/\]/) skipped = 0; next }
    { print }
  ' "$1/Cargo.toml" >"$1/Cargo.toml.new"
  mv "$1/Cargo.toml.new" "$1/Cargo.toml"
}

# surroundings SIDE CRATE: how its tests are built.
surroundings() {
  # As fast to build as to run.
  export CARGO_PROFILE_DEV_OPT_LEVEL=1 CARGO_PROFILE_DEV_DEBUG=line-tables-only
  export CARGO_PROFILE_DEV_CODEGEN_UNITS=4 CARGO_PROFILE_DEV_LTO=off CARGO_INCREMENTAL=0
  export RUSTFLAGS CARGO_TARGET_DIR
  RUSTFLAGS=$(flags "$2")
  # Its library asks for a nightly compiler's benchmarks.
  if [ "$2" = cupchan ]; then export RUSTC_BOOTSTRAP=1; fi
  # All that have the same flags are built once.
  CARGO_TARGET_DIR=$target/$1$(echo "$RUSTFLAGS" | tr -d ' -' | sed 's/cfg/-/g')
}

# run SIDE CRATE: the tests of a crate, on "loom" or on "selvedge"; their output in a log.
run() {
  local side=$1 crate=$2 patches=() with
  [ "$crate" = shuttle ] && { run_shuttle "$side"; return; }
  for with in $(with_it "$crate"); do
    [ "$side" = selvedge ] && patches+=(--config "patch.crates-io.$with.path=\"$dir/selvedge/$with\"")
  done
  (
    cd "$dir/$side/$crate"
    surroundings "$side" "$crate"
    # shellcheck disable=SC2046
    cargo "${patches[@]}" test --no-run $(arguments "$crate") >"$dir/$side-$crate.build" 2>&1 || exit 101
    date +%s.%N >"$dir/$side-$crate.start"
    # shellcheck disable=SC2046
    timeout "${ECOSYSTEM_SECONDS:-1800}" \
      cargo "${patches[@]}" test --no-fail-fast $(arguments "$crate") >"$dir/$side-$crate.log" 2>&1 || true
    date +%s.%N >"$dir/$side-$crate.end"
  )
}

# run_shuttle SIDE: shuttle's tests, program by program; those that do not build are listed in a file.
run_shuttle() {
  (
    cd "$dir/$1/shuttle"
    surroundings "$1" shuttle
    : >"$dir/$1-shuttle.log"
    : >"$dir/$1-shuttle.unbuilt"
    : >"$dir/$1-shuttle.build"
    local file name seconds=0 before
    for file in tests/*.rs; do
      name=$(basename "$file" .rs)
      if ! cargo test --no-run --test "$name" >"$dir/one.build" 2>&1; then
        cat "$dir/one.build" >>"$dir/$1-shuttle.build"
        echo "$name: $(grep -E '^error' "$dir/one.build" | head -1)" >>"$dir/$1-shuttle.unbuilt"
        continue
      fi
      before=$(date +%s.%N)
      timeout "${ECOSYSTEM_SECONDS:-300}" cargo test --test "$name" >>"$dir/$1-shuttle.log" 2>&1 || true
      seconds=$(echo "$seconds $before $(date +%s.%N)" | awk '{ print $1 + $3 - $2 }')
    done
    echo 0 >"$dir/$1-shuttle.start"
    echo "$seconds" >"$dir/$1-shuttle.end"
    [ -s "$dir/$1-shuttle.log" ]
  )
}

# own CRATE TEST: why a test is of the crate's own checker and of no other, if it is.
own() {
  case $1/$2 in
    shuttle/basic::metrics::*) echo "what its scheduler tells of itself to a subscriber of tracing" ;;
    loom/lazy_static_arc_shutdown) echo "a static that ends with the main thread; one of the language does not" ;;
  esac
}

# found CRATE TEST: what is wrong with the crate, if selvedge finds it by a test that passes on loom.
found() {
  case $1/$2 in
    oneshot/poll_then_drop_receiver_during_send)
      echo "a receiver that is dropped takes its own DISCONNECTED for the sender's, and frees what the sender writes to"
      ;;
    flashmap/evicted_and_leaked_values | flashmap/many_different_writes | flashmap/many_handles | flashmap/many_writes)
      echo "a reader unparks the writer by a handle that it still borrows, in a cell that the writer then writes to"
      ;;
  esac
}

# The results of tests in a log, a line each: `name ok`.
results() {
  sed -nE 's/^test (.*) - should panic \.\.\. (ok|FAILED).*/\1 \2/p; t; s/^test (.*) \.\.\. (ok|FAILED).*/\1 \2/p' \
    "$dir/$1-$2.log" | sort -u
}

seconds() {
  awk '{ print }' "$dir/$1-$2.end" "$dir/$1-$2.start" | paste -sd' ' | awk '{ printf "%.1f", $1 - $2 }'
}

if ! fetch 2>"$dir/fetch.log"; then
  echo "ecosystem: skipped, the crates cannot be had: $(tail -1 "$dir/fetch.log")"
  exit 0
fi

: >"$dir/sum"
printf '%-18s %-9s %6s %6s %6s %9s %9s\n' crate version models passed failed 'loom, s' 'ours, s'
wrong=0
for crate in $crates; do
  version=$(sed -nE 's/^version = "(.*)"/\1/p' "$dir/fetch/vendor/$crate/Cargo.toml" | head -1)
  for one in $crate $(with_it "$crate"); do
    copy loom "$one"
    [ -d "$dir/selvedge/$one" ] || { copy selvedge "$one"; ours "$dir/selvedge/$one"; }
  done
  if ! run loom "$crate"; then
    echo "$crate $version: does not build on loom: $dir/loom-$crate.build"
    wrong=1
    continue
  fi
  if ! run selvedge "$crate"; then
    echo "$crate $version: does not build on selvedge:"
    grep -E '^error' -A 6 "$dir/selvedge-$crate.build" | head -40
    wrong=1
    continue
  fi
  results loom "$crate" >"$dir/$crate.loom"
  results selvedge "$crate" >"$dir/$crate.selvedge"
  passed=$(grep -c ' ok$' "$dir/$crate.selvedge" || true)
  failed=$(grep -c ' FAILED$' "$dir/$crate.selvedge" || true)
  models=$(wc -l <"$dir/$crate.loom")
  printf '%-18s %-9s %6s %6s %6s %9s %9s\n' "$crate" "$version" "$models" "$passed" "$failed" \
    "$(seconds loom "$crate")" "$(seconds selvedge "$crate")"
  # In what they differ.
  join -a 1 -a 2 -e nothing -o 0,1.2,2.2 "$dir/$crate.loom" "$dir/$crate.selvedge" >"$dir/$crate.both"
  : >"$dir/$crate.own"
  while read -r test theirs our; do
    reason=$(found "$crate" "$test")
    if [ -n "$reason" ]; then
      if [ "$our" = FAILED ]; then
        echo "  $test: found on selvedge, $theirs on loom: $reason"
      else
        echo "  $test: $our on selvedge, which should find this: $reason"
        wrong=1
      fi
      continue
    fi
    if [ "$theirs" = "$our" ] || [ "$theirs/$our" = nothing/ok ]; then
      continue
    fi
    reason=$(own "$crate" "$test")
    if [ -n "$reason" ]; then
      echo "$reason" >>"$dir/$crate.own"
      continue
    fi
    echo "  $test: $theirs on loom, $our on selvedge"
    if [ "$theirs" = ok ]; then
      wrong=1
    fi
  done <"$dir/$crate.both"
  if [ -s "$dir/selvedge-$crate.unbuilt" ]; then
    sed 's/^/  does not build on selvedge: /' "$dir/selvedge-$crate.unbuilt"
  fi
  sort "$dir/$crate.own" | uniq -c | awk '{ $1 = "  " $1 " of the tests are of " "'"$crate"'" " alone:"; print }'
  if [ "$models" -eq 0 ]; then
    echo "  it has run no test: $dir/loom-$crate.log"
    wrong=1
  fi
  seconds loom "$crate" >>"$dir/sum"
  printf ' %s\n' "$(seconds selvedge "$crate")" >>"$dir/sum"
done
awk '{ loom += $1; ours += $2 } END { printf "%-48s %9.1f %9.1f\n", "in all", loom, ours }' "$dir/sum"
exit "$wrong"
