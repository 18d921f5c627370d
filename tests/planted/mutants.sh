#!/usr/bin/env bash
# mutants.sh [name ...]: are the tests able to fail? Each patch here breaks one guarantee of the library.
# They are applied one by one to a copy of what is in the working tree, and the test that is named in the
# patch's head must fail then. Prints a table; ends with 1 if one is missed. Called by `./run mutants`.
#
# The head of a patch:
#   What: one sentence
#   Caught by: suite <threads|fork|spawn> <suite> <test>     a test of c-tests/, compiled without optimisation
#              loom <filter ...>                             models of src/models
#              rust <filter ...>                             unit tests
#              random <argument ...>                         tests/random
#              schedules <argument ...>                      tests/schedules
# A test counts only if it passes without the patch.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
root=$PWD
work=$root/build/mutants
tree=$work/tree
log=$work/log
cargo=${CFUTURES_CARGO:-cargo}
mkdir -p "$log"

# The copy: a work tree of git's, with what is not committed yet.
make_tree() {
  if [ -e "$tree/.git" ] && git -C "$tree" rev-parse >/dev/null 2>&1; then
    git -C "$tree" checkout --quiet --detach --force "$(git rev-parse HEAD)"
    git -C "$tree" clean --quiet -fd
  else
    git worktree prune
    git worktree add --quiet --force --detach "$tree" HEAD
  fi
  git diff HEAD --binary >"$work/uncommitted.patch"
  if [ -s "$work/uncommitted.patch" ]; then git -C "$tree" apply "$work/uncommitted.patch"; fi
  if [ ! -e "$work/build/build.ninja" ]; then
    cmake -S "$tree" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCFUTURES_BUILD_EXAMPLES=OFF \
      -DCMAKE_LINK_DEPENDS_NO_SHARED=ON >"$log/configure" 2>&1
  fi
}

# build_for <kind> <word ...>: what the test needs. Fails if it does not compile.
build_for() {
  case $1 in
    suite) cmake --build "$work/build" --target cfutures_shared cfutures_worker "cfutures_test_$3" ;;
    rust) in_tree rust test --locked --lib --no-run ;;
    random)
      cmake --build "$work/build" --target cfutures_shared
      CFUTURES_LIB_DIR=$work/build in_tree random build --locked --release --manifest-path tests/random/Cargo.toml
      ;;
    loom) in_loom --no-run ;;
    schedules)
      RUSTFLAGS="--cfg schedules" in_tree schedules build --locked --release \
        --manifest-path tests/schedules/Cargo.toml
      ;;
    *) return 2 ;;
  esac
}

in_tree() {
  (cd "$tree" && CARGO_TARGET_DIR=$work/$1 "$cargo" "${@:2}")
}

# Optimised a little: models run millions of steps, and nothing is gained by more.
in_loom() {
  RUSTFLAGS="--cfg loom" LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-1} CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false \
    in_tree loom test --locked --release --lib "$@"
}

# run_test_of <kind> <word ...>: fails, or is ended, if the test notices anything.
run_test_of() {
  case $1 in
    suite) CF_TEST_TIMEOUT=20 timeout -k 10 120 "$work/build/c-tests/$3" "$2" "$4" ;;
    random) timeout -k 10 300 "$work/random/release/cfutures-random" "${@:2}" ;;
    schedules) timeout -k 10 300 "$work/schedules/release/cfutures-schedules" "${@:2}" ;;
    rust) timeout -k 10 120 bash -c "$(declare -f in_tree); $(declare -p tree work cargo); in_tree rust test --locked --lib -- ${*:2}" ;;
    loom) timeout -k 10 900 bash -c "$(declare -f in_tree in_loom); $(declare -p tree work cargo); in_loom -- ${*:2}" ;;
  esac
}

# passes_unpatched <words>: asked once for each test. "skipped" where the test cannot run here.
declare -A unpatched
ask_unpatched() {
  local key=$* out=$log/unpatched
  if [ -z "${unpatched[$key]:-}" ]; then
    unpatched[$key]=no
    # shellcheck disable=SC2086  # words
    if build_for $key >"$out" 2>&1 && run_test_of $key >"$out" 2>&1; then
      unpatched[$key]=yes
      if grep -q '^skipped ' "$out"; then unpatched[$key]=skipped; fi
    fi
  fi
}

# judge <patch> <words of the test>: sets $verdict.
judge() {
  local name=$1 out=$log/$1
  shift
  ask_unpatched "$@"
  case ${unpatched[$*]} in
    no) verdict="UNFIT: the test fails without it" && return ;;
    skipped) verdict="skipped" && return ;;
  esac
  git -C "$tree" apply "$root/tests/planted/$name.patch"
  if ! build_for "$@" >"$out" 2>&1; then
    verdict="UNFIT: it does not compile"
  elif run_test_of "$@" >"$out" 2>&1; then
    verdict="MISSED"
  else
    verdict="caught"
  fi
  git -C "$tree" apply --reverse "$root/tests/planted/$name.patch"
}

make_tree
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for patch in tests/planted/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
bad=0
caught=0
for name in "${names[@]}"; do
  patch=tests/planted/$name.patch
  if [ ! -e "$patch" ]; then
    echo "There is no $patch." >&2
    exit 2
  fi
  read -ra words < <(sed -n 's/^Caught by: //p' "$patch")
  judge "$name" "${words[@]}"
  printf '%-26s %-10s %s\n' "$name" "$verdict" "${words[*]}"
  case $verdict in
    caught) caught=$((caught + 1)) ;;
    skipped) ;;
    *) bad=$((bad + 1)) ;;
  esac
done
echo "$caught of ${#names[@]} planted bugs were caught (logs: build/mutants/log)"
[ $bad -eq 0 ]
