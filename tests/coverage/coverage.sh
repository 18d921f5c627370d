#!/usr/bin/env bash
# coverage.sh: which lines and branches of the library do the tests run? Called by `./run coverage`, which sets
# LLVM_PROFDATA and LLVM_COV. Builds the core with counters, runs the C tests, the C++ tests, the examples and the
# faults over it, and the Rust tests, which are programs of their own; report.py adds up and ends with 1 below the
# floor. All in build/coverage. A part is run again with the allocator of futures that memory checkers want, and
# another one as an old kernel would run it.
#
# A profile is a file that every process of a program maps, so what a worker counted before it was killed is
# there (the %c); processes of one library add to the same file (the %m).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
tree=$PWD/build/coverage
cargo=${CFUTURES_CARGO:-cargo}
rm -rf "$tree/profiles" "$tree/exports"
mkdir -p "$tree/profiles" "$tree/exports"

# step <name> <command ...>: one that fails shows its log. Its profiles are those of that name.
step() {
  local log=$tree/$1.log
  if ! LLVM_PROFILE_FILE=$tree/profiles/$1-%m%c.profraw "${@:2}" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    echo "FAILED: ${*:2} (the log above is $log)" >&2
    return 1
  fi
}

rust_tests() {
  RUSTC_BOOTSTRAP=1 RUSTFLAGS=$(grep '^-' tests/coverage/rustflags | tr '\n' ' ') \
    CARGO_TARGET_DIR=$tree/rust "$cargo" test --quiet --locked --target "$host" "$@"
}

# The program of a Rust test: of those that lie there the newest.
program() {
  find "$tree/rust/$host/debug/deps" -name "$1-*" -type f -executable -printf '%T@ %p\n' |
    sort -rn | sed -n '1s/^[^ ]* //p'
}

# export_counts <name> <object>: what was counted in it, by line and by branch.
export_counts() {
  local profile=$tree/profiles/$1.profdata
  "$LLVM_PROFDATA" merge --failure-mode=any -o "$profile" "$tree/profiles/$1"-*.profraw
  "$LLVM_COV" export --format=lcov --instr-profile "$profile" "$2" >"$tree/exports/$1.lcov"
  "$LLVM_COV" export --format=text --skip-expansions --skip-functions --instr-profile "$profile" "$2" \
    >"$tree/exports/$1.json"
}

host=$(rustc -vV | sed -n 's/^host: //p')
step configure cmake --preset coverage
step build cmake --build --preset coverage
step library ctest --preset coverage --no-label-summary
CFUTURES_PLAIN_ALLOC=1 step library-plain ctest --preset coverage --no-label-summary -L '^threads$'
step library-old "$tree/c-tests/old_kernel" ctest --preset coverage --no-label-summary \
  -R '^(fork|spawn)/process_(pool|workers|deaths|policy|host|faults)$'
step unit rust_tests --lib
step zygotes rust_tests --test zygotes
step crash_points rust_tests --features failpoints --test crash_points

export_counts library "$tree/libcfutures.so"
export_counts unit "$(program cfutures)"
export_counts zygotes "$(program zygotes)"
export_counts crash_points "$(program crash_points)"
python3 -B tests/coverage/report.py "$tree"
