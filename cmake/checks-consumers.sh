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
  manual_pages "$prefix/share/man"
  find_library "$prefix"
  for n in 1 2; do
    readme_block c "$n" >"$work/demo.c"
    readme_block text "$n" >"$work/expected"
    compile plain -I"$prefix/include" -L"$lib" -lcfutures
    compile pkg-config $(pkg-config --cflags --libs cfutures)
    compile pkg-config-static $(static_from_pkg_config)
    compile fully-static -static $(pkg-config --static --cflags --libs cfutures)
    compile static -I"$prefix/include" "$lib/libcfutures.a"
    compile_with_cmake "$prefix"
    for kind in plain pkg-config cmake-cfutures cmake-shared; do runs shared $kind; done
    for kind in pkg-config-static fully-static static cmake-static; do runs static $kind; done
  done
  readme_block cpp 1 >"$work/demo.cpp"
  readme_block text 3 >"$work/expected"
  compile_cpp plain -I"$prefix/include" -L"$lib" -lcfutures
  compile_cpp pkg-config $(pkg-config --cflags --libs cfutures)
  compile_cpp pkg-config-static $(static_from_pkg_config)
  compile_cpp fully-static -static $(pkg-config --static --cflags --libs cfutures)
  compile_cpp_with_cmake "$prefix"
  for kind in plain pkg-config cmake-cpp; do runs shared $kind; done
  for kind in pkg-config-static fully-static cmake-cpp-static; do runs static $kind; done
  find_worker_program "$prefix"
  readme_block c 1 >"$work/demo.c"
  readme_block text 1 >"$work/expected"
  compile_with_cmake "$work/moved"
  runs shared cmake-shared
  runs static cmake-static
  rm "$work/log"
}

# manual_pages <folder>: cfutures(7) and one of each public function are there.
manual_pages() {
  diff <(printf 'man3/%s.3\n' $(sed 's/@.*//' abi/cfutures.symbols) | LC_ALL=C sort; echo man7/cfutures.7) \
    <(cd "$1" && find . -type f | sed 's|^\./||' | LC_ALL=C sort) >>"$work/log"
}

# runs shared|static <program>: it was linked with that library, and prints what README.md shows.
runs() {
  local linked=static
  if readelf -d "$work/$2" | grep -q 'NEEDED.*libcfutures\.so\.0'; then linked=shared; fi
  if [ $linked != "$1" ]; then
    echo "$2 is linked with the $linked library instead of the $1 one."
    return 1
  fi
  "$work/$2" >"$work/output"
  diff -u --label "$(basename "$work/expected")" --label "printed by $2" "$work/expected" "$work/output"
}

# The arguments that link libcfutures.a and nothing else statically.
static_from_pkg_config() {
  local all
  all=$(pkg-config --static --libs cfutures)
  echo "$(pkg-config --cflags cfutures) ${all/-lcfutures/-Wl,-Bstatic -lcfutures -Wl,-Bdynamic}"
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

# within <lines of CMake that bring the library in> <build type>: a project that holds the library and builds
# the programs of README.md. It must find its own settings as they were.
within() {
  mkdir -p "$work/outer"
  readme_block c 2 >"$work/outer/demo.c"
  readme_block cpp 1 >"$work/outer/demo.cpp"
  cat >"$work/outer/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.21)
project(outer C CXX)
include(FetchContent)
get_cmake_property(before CACHE_VARIABLES)
set(watched CMAKE_C_FLAGS CMAKE_CXX_FLAGS CMAKE_BUILD_TYPE BUILD_SHARED_LIBS BUILD_TESTING CMAKE_C_STANDARD
  CMAKE_POSITION_INDEPENDENT_CODE CMAKE_RUNTIME_OUTPUT_DIRECTORY CMAKE_LIBRARY_OUTPUT_DIRECTORY)
foreach(name IN LISTS watched)
  set(old_\${name} "\${\${name}}")
endforeach()
$1
foreach(name IN LISTS watched)
  if(NOT "\${\${name}}" STREQUAL "\${old_\${name}}")
    message(FATAL_ERROR "\${name} was changed to \${\${name}}")
  endif()
endforeach()
get_cmake_property(after CACHE_VARIABLES)
list(REMOVE_ITEM after \${before})
list(FILTER after EXCLUDE REGEX "^(CFUTURES_|cfutures_|FETCHCONTENT_|CMAKE_INSTALL_[A-Z]*DIR$|CMAKE_PROJECT_|_GNUInst)")
get_directory_property(options COMPILE_OPTIONS)
get_directory_property(definitions COMPILE_DEFINITIONS)
get_directory_property(links LINK_OPTIONS)
get_property(tests DIRECTORY \${cfutures_SOURCE_DIR} PROPERTY TESTS)
if(after OR options OR definitions OR links OR tests)
  message(FATAL_ERROR "cfutures leaves behind: \${after} \${options} \${definitions} \${links} \${tests}")
endif()
add_executable(within-shared demo.c)
target_link_libraries(within-shared PRIVATE cfutures::cfutures)
add_executable(within-static demo.c)
target_link_libraries(within-static PRIVATE cfutures::static)
add_executable(within-cpp demo.cpp)
target_link_libraries(within-cpp PRIVATE cfutures::cpp)
set_target_properties(within-shared within-static within-cpp PROPERTIES
  RUNTIME_OUTPUT_DIRECTORY \${CMAKE_SOURCE_DIR}/..)
install(TARGETS within-shared)
CMAKE
  cmake -S "$work/outer" -B "$work/outer/build" -G Ninja -DCMAKE_BUILD_TYPE="$2"
  cmake --build "$work/outer/build"
  cmake --install "$work/outer/build" --prefix "$work/outer/installed"
  if find "$work/outer/installed" -name '*cfutures*' | grep .; then
    echo "The project that holds the library installs it, without having asked."
    return 1
  fi
}

# The programs that `within` has built.
within_runs() {
  readme_block text 2 >"$work/expected"
  runs shared within-shared
  runs static within-static
  readme_block text 3 >"$work/expected"
  runs shared within-cpp
}

# As a folder of another project. What cargo has compiled is taken over: its sources and settings are the same.
check_subdirectory() {
  make_work
  ulimit -c 0
  mkdir -p "$work/outer/build/cfutures"
  cp -a "$build/cargo" "$work/outer/build/cfutures"
  within "add_subdirectory($PWD cfutures)" Release >"$work/log" 2>&1
  within_runs
  rm "$work/log"
}
