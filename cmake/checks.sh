#!/usr/bin/env bash
# checks.sh <check> <build folder> [argument ...]
# One check of `./run test`, run by ctest in the root of the project (CFuturesChecks.cmake). Prints
# what is wrong, and ends with a status other than 0 then.
# shellcheck disable=SC2046  # what pkg-config prints is several words
set -euo pipefail

check=$1
build=$2
shift 2
cargo=${CFUTURES_CARGO:-cargo}
export CARGO_TARGET_DIR=$PWD/build/rust
source cmake/checks-package.sh
source cmake/checks-consumers.sh
source cmake/checks-soak.sh

# rerun <argument of ctest ...>: the C tests and examples, from a folder made for this check. Of what
# passes, only the summary is shown. `under` is a program that runs all of it, if there is one.
under=()
rerun() {
  "${under[@]}" ctest --test-dir "$build/reruns/$check" --output-on-failure --no-tests=error --no-label-summary "$@" |
    grep -vE '^ +Start +[0-9]|Test +#[0-9]+: .* Passed |^$'
}

# What compiles the header, what tests the test harness, and what goes through all cases gains nothing by
# being repeated.
once='^(header|harness|faults)$'

# The first processor that this process may use: it need not be 0.
first_cpu() {
  taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/'
}

check_fmt() {
  "$cargo" fmt --check -- --color never
  "$cargo" fmt --manifest-path benches/peers/rust/Cargo.toml --check -- --color never
  "$cargo" fmt --manifest-path tests/random/Cargo.toml --check -- --color never
  "$cargo" fmt --manifest-path tests/schedules/Cargo.toml --check -- --color never
}

check_clippy() {
  "$cargo" clippy --quiet --locked --all-targets -- -D warnings
  "$cargo" clippy --quiet --locked --all-targets --all-features -- -D warnings
  CARGO_TARGET_DIR=$PWD/build/random "$cargo" clippy --quiet --locked --manifest-path tests/random/Cargo.toml -- -D warnings
  RUSTFLAGS="--cfg schedules" CARGO_TARGET_DIR=$PWD/build/schedules \
    "$cargo" clippy --quiet --locked --manifest-path tests/schedules/Cargo.toml -- -D warnings
}

check_rust() {
  "$cargo" test --quiet --locked --no-fail-fast
}

# Workers die at every point at which they share memory; CFUTURES_SWEEP=all tries every combination.
check_crash-points() {
  "$cargo" test --quiet --locked --features failpoints --test crash_points
}

# Memory and system calls fail in every place; CFUTURES_SWEEP=all tries every errno.
check_faults() {
  ctest --test-dir "$build" --output-on-failure --no-tests=error --no-label-summary -j2 -L '^faults$'
}

# Calls at random, each answer compared with a model: from one seed that is always the same, and from a new
# one. CFUTURES_SEQUENCES is how many over thread pools; a tenth as many have process pools too.
check_random() {
  local sequences=${CFUTURES_SEQUENCES:-100000} program=build/random/release/cfutures-random
  CARGO_TARGET_DIR=$PWD/build/random CFUTURES_LIB_DIR=$build \
    "$cargo" build --quiet --locked --release --manifest-path tests/random/Cargo.toml
  $program --seed 1 "$((sequences / 2))"
  $program "$((sequences / 2))"
  $program --processes "$((sequences / 10))"
}

# The core and the fuzzer's program under AddressSanitizer, with the counters that libFuzzer goes by; rustc's and
# clang's agree on both. Prints the program.
build_fuzzer() {
  local host flags folder=$PWD/build/fuzz
  host=$(rustc -vV | sed -n 's/^host: //p')
  flags="-Zsanitizer=address -Cunsafe-allow-abi-mismatch=sanitizer -Cpasses=sancov-module"
  for flag in level=4 inline-8bit-counters pc-table; do flags+=" -Cllvm-args=-sanitizer-coverage-$flag"; done
  RUSTC_BOOTSTRAP=1 RUSTFLAGS=$flags CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR=$folder \
    "$cargo" rustc --quiet --locked --release --lib --crate-type staticlib --target "$host"
  clang -std=c11 -Wall -Wextra -pedantic -Werror -g -O1 -fsanitize=fuzzer,address -Iinclude \
    tests/random/fuzz*.c "$folder/$host/release/libcfutures.a" -lpthread -ldl -lm -o "$folder/fuzz"
  echo "$folder/fuzz"
}

# The inputs that libFuzzer has found worth keeping, once each; then it goes on from them for
# CFUTURES_FUZZ_SECONDS, on each processor; what fails is left in build/fuzz.
check_fuzz() {
  local program seconds=${CFUTURES_FUZZ_SECONDS:-60}
  program=$(build_fuzzer)
  "$program" -runs=0 -timeout=60 tests/random/corpus 2>&1 | tail -n 2
  if [ "$seconds" -eq 0 ]; then return; fi
  mkdir -p build/fuzz/found
  "$program" -fork="$(nproc)" -max_len=300 -timeout=60 -max_total_time="$seconds" -artifact_prefix=build/fuzz/ \
    build/fuzz/found tests/random/corpus 2>&1 | tail -n 40
}

check_header() {
  "$cargo" test --quiet --locked --test header
}

# Whole thread pools in random orders of steps: all scenes from one seed that is always the same, and from a
# new one. CFUTURES_SCHEDULES is how many.
check_schedules() {
  local schedules=${CFUTURES_SCHEDULES:-200000} program=build/schedules/release/cfutures-schedules
  RUSTFLAGS="--cfg schedules" CARGO_TARGET_DIR=$PWD/build/schedules \
    "$cargo" build --quiet --locked --release --manifest-path tests/schedules/Cargo.toml
  $program --seed 1 "$((schedules / 2))"
  $program "$((schedules / 2))"
}

# Link-time optimisation would take minutes and make the models no faster.
# Each model with one preemption; LOOM_MAX_PREEMPTIONS=2 searches further and takes far longer.
check_loom() {
  local output
  export LOOM_MAX_PREEMPTIONS=${LOOM_MAX_PREEMPTIONS:-1}
  output=$(CARGO_TARGET_DIR=$PWD/build/loom RUSTFLAGS="--cfg loom" CARGO_PROFILE_RELEASE_LTO=off \
    CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_DEBUG=false \
    "$cargo" test --locked --release --lib models:: 2>&1) || {
    echo "$output"
    return 1
  }
  if ! grep -q 'test result: ok\. [1-9]' <<<"$output"; then
    echo "$output" "" "No model was run."
    return 1
  fi
}

# The libraries that rustc says a program needs, less the two that every compiler driver adds.
check_system-libs() {
  local said wanted
  said=$("$cargo" rustc --locked --lib --crate-type staticlib -- --print native-static-libs 2>&1 |
    sed -n 's/.*native-static-libs: //p' | tr ' ' '\n' | sed 's/^-l//' |
    grep -vxE 'gcc_s|c|' | sort -u)
  wanted=$(printf '%s\n' "$@" | sort -u)
  diff -u --label CFUTURES_SYSTEM_LIBS --label "rustc --print native-static-libs" \
    - <(echo "$said") <<<"$wanted"
}

# Manual pages are those of the header and without mistakes, and Doxygen has no complaint.
check_docs() {
  python3 -B docs/tools/manpages.py --check
  mandoc -T lint -W warning docs/man/man?/*.?
  python3 -B docs/tools/reference.py
}

# The programs of the guide, of README.md and of the header's comments, and what they print.
check_docs-examples() {
  ulimit -c 0 # some have workers that crash
  python3 -B docs/tools/examples.py "$build"
}

# What is made from the figures of the benchmarks. Nothing is measured.
check_bench-report() {
  python3 -B -m unittest discover --start-directory benches --pattern 'test_*.py'
}

# What docs/reliability.md says about tests, and that each planted bug still applies.
check_reliability() {
  python3 -B tests/reliability.py "$build"
}

# Where all that is compiled comes from, and under which licences.
check_dependencies() {
  python3 -B tests/dependencies.py "$cargo"
}

# What the common operations cost, against benches/instructions/table.txt.
check_instructions() {
  python3 benches/instructions/instructions.py --build "$build"
}

# Four at a time, so that on a small machine every test shares its processor with others.
check_repeat() {
  rerun -j4 -LE "$once" --repeat "until-fail:${CFUTURES_REPEATS:-3}"
}

check_one-cpu() {
  taskset -cp "$(first_cpu)" $$ >/dev/null
  rerun -LE "$once" --repeat "until-fail:${CFUTURES_REPEATS:-1}"
}

# Without descriptors of processes and what came with them: the suites in which processes come and go;
# CFUTURES_OLD_KERNEL=all tries every one.
check_old-kernel() {
  local suites='^(fork|spawn)/process_(pool|workers|deaths|policy|host|faults|storm)$'
  if [ "${CFUTURES_OLD_KERNEL:-}" = all ]; then suites=.; fi
  under=("$build/c-tests/old_kernel")
  rerun -j2 -LE "^(header|harness)$" -R "$suites"
}

check_valgrind() {
  rerun -j2 -L '^valgrind$'
}

# The C++ headers are compiled into the tests, so that the sanitizers see all of them, if not the core.
check_cpp-sanitizers() {
  local folder=$build/cpp-sanitizers suite
  mkdir -p "$folder"
  printf '%s\n' check submit lifetimes futures many maps pools coroutines processes library |
    xargs -P 2 -I '{}' c++ -std=c++20 -O0 -g1 -fPIC -fsanitize=address,undefined \
      -fno-sanitize-recover=all -Iinclude -c cpp-tests/'{}'.cpp -o "$folder/{}.o"
  c++ -shared -fsanitize=address,undefined "$folder/library.o" -o "$folder/liblibrary.so"
  for suite in submit lifetimes futures many maps pools coroutines processes; do
    c++ -fsanitize=address,undefined "$folder/$suite.o" "$folder/check.o" \
      $([ $suite != processes ] || echo "$folder/liblibrary.so") \
      "$build/libcfutures.so" -Wl,-rpath,"$build" -pthread -o "$folder/$suite"
    if [ $suite != processes ]; then
      "$folder/$suite" >/dev/null
    else
      "$folder/$suite" fork >/dev/null && "$folder/$suite" spawn >/dev/null
    fi || return 1
  done
}

# sanitized <preset>: the core and the C tests together under a sanitizer; CFuturesInstrument.cmake says how.
sanitized() {
  local preset=$1 log
  log=$(cmake --preset "$preset" -DCFUTURES_WERROR=ON 2>&1 && cmake --build --preset "$preset" 2>&1) || {
    if grep -o 'This rustc comes without .*' <<<"$log"; then return; fi
    echo "$log"
    return 1
  }
  ctest --preset "$preset" --timeout 600 --no-tests=error --no-label-summary |
    grep -vE '^ +Start +[0-9]|Test +#[0-9]+: .* Passed |^$'
}

# Over threads and over forked processes: ThreadSanitizer sees the threads of one process, so of those the host's.
# CMakePresets.json leaves out what it does not go along with. A pool that is spawned (process_pool has one) needs a
# clone() within a clone() that shares memory, which it takes for forks, and stops. It has a thread of its own in
# each process, so that no host has but one thread (process_host). Evil workers race on purpose (process_evil, process_forged), and
# what looks at millions of bytes takes minutes (process_lies, process_memory).
check_tsan() {
  CF_TEST_SCALE=${CFUTURES_TSAN_SCALE:-20} sanitized tsan
}

check_asan() {
  CF_TEST_SCALE=${CFUTURES_ASAN_SCALE:-20} sanitized asan
}

"check_$check" "$@"
