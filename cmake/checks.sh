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

# rerun <argument of ctest ...>: the C tests and examples, from a folder made for this check. Of what
# passes, only the summary is shown.
rerun() {
  ctest --test-dir "$build/reruns/$check" --output-on-failure --no-tests=error --no-label-summary "$@" |
    grep -vE '^ +Start +[0-9]|Test +#[0-9]+: .* Passed |^$'
}

# What compiles the header, and what tests the test harness, gains nothing by being repeated.
once='^(header|harness)$'

# The first processor that this process may use: it need not be 0.
first_cpu() {
  taskset -cp $$ | sed 's/.*: *\([0-9]*\).*/\1/'
}

check_fmt() {
  "$cargo" fmt --check -- --color never
  "$cargo" fmt --manifest-path benches/peers/rust/Cargo.toml --check -- --color never
}

check_clippy() {
  "$cargo" clippy --quiet --locked --all-targets -- -D warnings
  "$cargo" clippy --quiet --locked --all-targets --all-features -- -D warnings
}

check_rust() {
  "$cargo" test --quiet --locked --no-fail-fast
}

# Workers die at every point at which they share memory; CFUTURES_SWEEP=all tries every combination.
check_crash-points() {
  "$cargo" test --quiet --locked --features failpoints --test crash_points
}

check_header() {
  "$cargo" test --quiet --locked --test header
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

# The dynamic symbols with their version nodes, against the list that the project promises to keep.
check_symbols() {
  local library=$build/libcfutures.so found
  found=$(nm -D --defined-only --with-symbol-versions "$library" | awk '$2 != "A" { print $3 }' |
    LC_ALL=C sort)
  if ! diff -u --label abi/cfutures.symbols --label "exported by libcfutures.so" \
    abi/cfutures.symbols - <<<"$found"; then
    echo "The exported functions differ from abi/cfutures.symbols."
    return 1
  fi
  readelf -d "$library" | grep -q 'SONAME.*\[libcfutures\.so\.0\]' || {
    echo "The SONAME is not libcfutures.so.0."
    return 1
  }
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

# readme_block <language> <n>: the block number n of README.md in that language.
readme_block() {
  awk -v start="\`\`\`$1" -v n="$2" \
    '$0 == start { if (--n == 0) on = 1; next } /^```/ { if (on) exit } on' README.md
}

# What a stranger does: install, then compile the programs of README.md against it, one with threads,
# one with processes and one in C++, in every way that README.md names; each must print what README.md
# shows.
check_install() {
  work=$(mktemp -d)
  trap install_ends EXIT
  local prefix=$work/prefix n kind
  ulimit -c 0 # a program of README.md has workers that crash
  cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1
  find_library "$prefix"
  for n in 1 2; do
    readme_block c "$n" >"$work/demo.c"
    readme_block text "$n" >"$work/expected"
    compile plain -I"$prefix/include" -L"$lib" -lcfutures
    compile pkg-config $(pkg-config --cflags --libs cfutures)
    compile fully-static -static $(pkg-config --static --cflags --libs cfutures)
    compile static -I"$prefix/include" "$lib/libcfutures.a"
    compile_with_cmake "$prefix"
    for kind in plain pkg-config fully-static static cmake-cfutures cmake-shared cmake-static; do
      "$work/$kind" >"$work/output"
      diff -u --label README.md --label "printed by $kind" "$work/expected" "$work/output"
    done
  done
  readme_block cpp 1 >"$work/demo.cpp"
  readme_block text 3 >"$work/expected"
  compile_cpp plain -I"$prefix/include" -L"$lib" -lcfutures
  compile_cpp pkg-config $(pkg-config --cflags --libs cfutures)
  compile_cpp fully-static -static $(pkg-config --static --cflags --libs cfutures)
  compile_cpp_with_cmake "$prefix"
  for kind in plain pkg-config fully-static cmake-cpp cmake-cpp-static; do
    "$work/$kind" >"$work/output"
    diff -u --label README.md --label "printed by $kind in C++" "$work/expected" "$work/output"
  done
  find_worker_program "$prefix"
  rm "$work/log"
}

# find_library <prefix>: sets $lib, and lets compiler, loader and pkg-config find it.
find_library() {
  lib=$(dirname "$(find "$1" -name libcfutures.so)")
  export PKG_CONFIG_PATH=$lib/pkgconfig LD_LIBRARY_PATH=$lib
}

# find_worker_program <prefix>: a program that does not serve itself finds the installed one, and that
# one its library, where the tree was installed and after it was moved.
find_worker_program() {
  local place worker
  cp c-tests/helper/host.c "$work/demo.c"
  for place in "$1" "$work/moved"; do
    if [ "$place" != "$1" ]; then mv "$1" "$place"; fi
    find_library "$place"
    worker=$(find "$place" -name cfutures-worker)
    cc -shared -fPIC c-tests/harness/module.c $(pkg-config --cflags cfutures) -o "$work/libmodule.so"
    compile host $(pkg-config --cflags --libs cfutures) -L"$work" -lmodule -lpthread -Wl,-rpath,"$work"
    "$work/host" library
    "$work/host" is "$worker"
    { env --unset=LD_LIBRARY_PATH "$worker" 2>&1 || true; } | grep 'started by hand' >>"$work/log"
  done
}

# What ends the check early has said why in the log.
install_ends() {
  if [ -e "$work/log" ]; then cat "$work/log"; fi
  rm -rf "$work"
}

# compile <program> <argument of the compiler ...>: also shows that the header is clean.
compile() {
  cc -std=c99 -Wall -Wextra -pedantic -Werror "$work/demo.c" "${@:2}" -o "$work/$1" >>"$work/log" 2>&1
}

compile_cpp() {
  c++ -std=c++17 -Wall -Wextra -pedantic -Werror "$work/demo.cpp" "${@:2}" -o "$work/$1" \
    >>"$work/log" 2>&1
}

# compile_with_cmake <prefix>: cmake-<kind> for each of the package's targets.
compile_with_cmake() {
  cat >"$work/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.21)
project(demo C)
find_package(cfutures 0.1 REQUIRED)
foreach(kind IN ITEMS cfutures shared static)
  add_executable(cmake-${kind} demo.c)
  target_link_libraries(cmake-${kind} PRIVATE cfutures::${kind})
endforeach()
CMAKE
  cmake -S "$work" -B "$work" -G Ninja -DCMAKE_PREFIX_PATH="$1" >>"$work/log" 2>&1
  cmake --build "$work" >>"$work/log" 2>&1
}

# What is made from the figures of the benchmarks. Nothing is measured.
check_bench-report() {
  python3 -B -m unittest discover --start-directory benches --pattern 'test_*.py'
}

# What the common operations cost, against benches/instructions/table.txt.
check_instructions() {
  python3 benches/instructions/instructions.py --build "$build"
}

# compile_cpp_with_cmake <prefix>: cmake-cpp, by default shared, and cmake-cpp-static; the project does
# not say which C++ it wants.
compile_cpp_with_cmake() {
  mkdir "$work/cpp"
  cat >"$work/cpp/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.21)
project(demo CXX)
find_package(cfutures 0.1 REQUIRED)
add_executable(${NAME} ../demo.cpp)
target_link_libraries(${NAME} PRIVATE cfutures::cpp)
set_target_properties(${NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_SOURCE_DIR}/..)
CMAKE
  local shared name
  for shared in ON OFF; do
    name=cmake-cpp
    if [ $shared = OFF ]; then name=cmake-cpp-static; fi
    cmake -S "$work/cpp" -B "$work/cpp/$name" -G Ninja -DCMAKE_PREFIX_PATH="$1" -DNAME=$name \
      -DBUILD_SHARED_LIBS=$shared >>"$work/log" 2>&1
    cmake --build "$work/cpp/$name" >>"$work/log" 2>&1
  done
}

# Four at a time, so that on a small machine every test shares its processor with others.
check_repeat() {
  rerun -j4 -LE "$once" --repeat "until-fail:${CFUTURES_REPEATS:-3}"
}

check_one-cpu() {
  taskset -cp "$(first_cpu)" $$ >/dev/null
  rerun -LE "$once" --repeat "until-fail:${CFUTURES_REPEATS:-1}"
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

# ThreadSanitizer sees the core and the C tests together; CFuturesTsan.cmake says how.
check_tsan() {
  local log
  log=$(cmake --preset tsan -DCFUTURES_WERROR=ON 2>&1 && cmake --build --preset tsan 2>&1) || {
    if grep -o 'This rustc comes without .*' <<<"$log"; then return; fi
    echo "$log"
    return 1
  }
  CF_TEST_SCALE=${CFUTURES_TSAN_SCALE:-20} ctest --preset tsan --timeout 600 --no-label-summary |
    grep -vE '^ +Start +[0-9]|Test +#[0-9]+: .* Passed |^$'
}

"check_$check" "$@"
