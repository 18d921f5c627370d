#!/usr/bin/env bash
# The checks of programs that use the library from outside, as a stranger does. Read by checks.sh, which says
# how a check is run and sets $build and `set -e`; make_work stands in checks-package.sh.
# shellcheck disable=SC2046  # what pkg-config prints is several words

# readme_block <language> <n>: the block number n of README.md in that language.
readme_block() {
  awk -v start="\`\`\`$1" -v n="$2" \
    '$0 == start { if (--n == 0) on = 1; next } /^```/ { if (on) exit } on' README.md
}

# What a stranger does: install, then compile the programs of README.md against it, one with threads,
# one with processes and one in C++, in every way that README.md names; each must print what README.md
# shows.
check_install() {
  make_work
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
