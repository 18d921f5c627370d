#!/usr/bin/env bash
# The checks of what is installed and packed. Read by checks.sh, which says how a check is run and sets
# $build, $cargo and `set -e`.

# make_work: sets $work, a folder that goes when the check ends. What ends the check early has said why in
# the log there, into which all output may go at that moment.
make_work() {
  work=$(mktemp -d)
  exec 3>&1
  trap 'if [ -e "$work/log" ]; then cat "$work/log" >&3; fi; rm -rf "$work"' EXIT
}

# The interface against the promise in abi/, and that a difference would be seen.
check_abi() {
  make_work
  bash abi/abi.sh check "$build/libcfutures.so"
  readelf -d "$build/libcfutures.so" | grep -q 'SONAME.*\[libcfutures\.so\.0\]' || {
    echo "The SONAME is not libcfutures.so.0."
    return 1
  }
  local change others
  others=$(nm --defined-only --extern-only "$build/libcfutures.a" 2>/dev/null |
    awk 'NF == 3 && $3 !~ /^(cf_|DW\.ref\.)/ { print $3 }')
  if [ -n "$others" ]; then
    echo "libcfutures.a has names that are not its interface:" $others
    return 1
  fi
  for change in 's/CF_TIMEOUT = -1,/CF_TIMEOUT = -30,/' 's/CF_START_SPAWN = 2,/CF_START_SPAWN = 9,/' \
    's/cf_future_cancel(cf_future \*future)/cf_future_cancel(cf_future *future, int now)/' \
    's/^  size_t count;/  int count;/' '/^CF_API .*cf_wait(/,/;/d'; do
    sed "$change" include/cfutures.h >"$work/changed.h"
    ! cmp -s include/cfutures.h "$work/changed.h" || {
      echo "The header has no place for: $change"
      return 1
    }
    must_fail "$change" check "$build/libcfutures.so" "$work/changed.h"
  done
  with_planted_function
  must_fail "one function more" check "$work/libplanted.so"
}

# with_planted_function: $work/libplanted.so has the interface and one function more.
with_planted_function() {
  { python3 abi/witness.py include/cfutures.h && echo 'void cf_planted(void) {}'; } >"$work/planted.c"
  cc -w -shared -fPIC -Iinclude "$work/planted.c" -Wl,--version-script=cmake/cfutures.map \
    -Wl,-soname,libcfutures.so.0 -o "$work/libplanted.so"
}

# must_fail <what was changed> <argument of abi.sh ...>
must_fail() {
  if bash abi/abi.sh "${@:2}" >/dev/null 2>&1; then
    echo "abi.sh $2 did not see: $1"
    return 1
  fi
}

# Every exported function has a comment in the header, and one without would be seen. Its manual page is looked
# for where it is installed (check_install).
check_documented() {
  make_work
  bash abi/abi.sh documented "$build/libcfutures.so"
  with_planted_function
  must_fail "one function more" documented "$work/libplanted.so"
  awk '/\*\/$/ { end = $0; next } end { if (!/cf_wait\(/) print end; end = "" } { print }' include/cfutures.h \
    >"$work/changed.h"
  must_fail "a comment less" documented "$build/libcfutures.so" "$work/changed.h"
}

# The most bytes that each library may have: the shared one stripped of all names, the static one as it
# is installed.
most_shared=600000
most_static=5000000

check_size() {
  make_work
  local size sections
  strip -o "$work/stripped" "$build/libcfutures.so"
  size=$(stat -c %s "$work/stripped")
  if [ "$size" -gt $most_shared ]; then
    echo "libcfutures.so has $size bytes without names; more than $most_shared are too many."
    return 1
  fi
  size=$(stat -c %s "$build/libcfutures.a")
  if [ "$size" -gt $most_static ]; then
    echo "libcfutures.a has $size bytes; more than $most_static are too many."
    return 1
  fi
  sections=$(readelf --wide --sections "$build/libcfutures.a" |
    grep -oE '\.(debug_[a-z]*|llvmbc|llvmcmd)' | sort -u || true)
  if [ -n "$sections" ]; then
    echo "libcfutures.a holds what users cannot need:" $sections
    return 1
  fi
}

# panics <program> <case> <status> <line ...>: runs it, compares how it ends and what it says. Places are N.
panics() {
  local status
  # The outer stderr is the shell's, which would report an end by signal.
  status=$({ "$work/$1" "$2" 2>"$work/said"; echo $?; } 2>/dev/null)
  sed -i 's/\.rs:[0-9]*:[0-9]*:$/.rs:N:/; s/at [^ ]*\/library\//at /' "$work/said"
  if [ $status -ne "$3" ] ||
    ! diff -u --label expected --label said <(printf '%s\n' "${@:4}") "$work/said"; then
    echo "$1 $2 ended with status $status instead of $3."
    return 1
  fi
}

# pack_archive <compiler>: $work/library.a, out of what rustc has made.
pack_archive() {
  cmake -DINPUT="$work/cargo.a" -DOUTPUT="$work/library.a" -DCC="$(type -P "$1")" \
    -DAR="$(command -v ar)" -DNM="$(command -v nm)" -DOBJCOPY="$(command -v objcopy)" -DKEEP_DEBUG=0 \
    -P cmake/pack-archive.cmake
}

# The handlers of panics are replaced when the archive is packed (pack-archive.cmake). Another library in
# Rust, with a handler of its own, may stand beside it.
check_panic() {
  make_work
  local flags=(--edition 2021 --crate-type staticlib -C opt-level=2 -C codegen-units=1) order
  local bug='libcfutures: a bug in the library: panicked at'
  local here="$bug tests/panic/library.rs:N:" core="$bug core/src/panicking.rs:N:"
  ulimit -c 0
  rustc "${flags[@]}" -C lto=thin tests/panic/library.rs -o "$work/cargo.a"
  rustc "${flags[@]}" -C lto=fat tests/panic/other.rs -o "$work/other.a"
  if pack_archive false >"$work/log" 2>&1 || [ -e "$work/library.a" ]; then
    echo "A linker that fails leaves an archive behind."
    return 1
  fi
  pack_archive cc >"$work/log" 2>&1
  cc tests/panic/program.c "$work/library.a" "$work/other.a" -lm -ldl -lpthread -o "$work/first"
  cc tests/panic/program.c "$work/other.a" "$work/library.a" -lm -ldl -lpthread -o "$work/second"
  cc -static tests/panic/program.c "$work/library.a" "$work/other.a" -o "$work/static"
  rm "$work/log"
  for order in first second static; do
    panics $order caught 0 "$here" 'index out of bounds: the len is 3 but the index is 7' &&
      panics $order two-at-once 134 "$here" 'the first' "$here" 'the second' &&
      panics $order without-guard 134 "$here" 'out of C' "$core" 'panic in a function that cannot unwind' &&
      panics $order no-memory 134 'libcfutures: no memory: 4711 bytes are missing' ||
      return 1
    "$work/$order" beside 2>/dev/null || {
      echo "$order: two Rust libraries in one program do not work"
      return 1
    }
  done
}

# build_version <folder> <version>: this library as if it were of that version, in $archive. Its sources are those
# here; only what needs compiling is compiled.
build_version() {
  mkdir -p "$1"
  ln -sfn "$PWD/src" "$1/src"
  ln -sfn "$PWD/tests" "$1/tests"
  sed "0,/^version = .*/s//version = \"$2\"/" Cargo.toml >"$1/Cargo.toml"
  sed "/^name = \"cfutures\"$/{n;s/.*/version = \"$2\"/}" Cargo.lock >"$1/Cargo.lock"
  "$cargo" rustc --quiet --locked --manifest-path "$1/Cargo.toml" --target-dir "$1/target" --lib --crate-type staticlib
  archive=$1/target/debug/libcfutures.a
}

# Host and worker program are of two versions, the next one of which differs in nothing else: neither serves the
# other, and both serve themselves.
check_versions() {
  make_work
  local next archive version other program
  next=$(awk -F'[".]' '/^version = / { print $2 "." $3 "." $4 + 1; exit }' Cargo.toml)
  build_version "$PWD/build/versions" "$next" >"$work/log" 2>&1
  cp "$archive" "$work/next.a"
  cp "$build/libcfutures.a" "$work/this.a"
  for version in this next; do
    cc -Wall -Wextra -Werror -g -Iinclude -Ic-tests -DCF_TEST_STACKS="\"$PWD/c-tests/harness/stacks.sh\"" \
      tests/versions/host.c c-tests/check.c c-tests/harness/{processes,tools}.c "$work/$version.a" \
      -lm -ldl -lpthread -o "$work/host-$version" >>"$work/log" 2>&1
    cc -Iinclude src/cfutures-worker.c "$work/$version.a" -lm -ldl -lpthread -o "$work/worker-$version" \
      >>"$work/log" 2>&1
    cp "$work/host-$version" "$work/copy-$version"
  done
  for version in this next; do
    if [ $version = this ]; then other=next; else other=this; fi
    CFUTURES_TEST_PROGRAM=$work/copy-$version "$work/host-$version" spawn same_version >>"$work/log" 2>&1
    for program in host-$other worker-$other; do
      CFUTURES_TEST_PROGRAM=$work/$program "$work/host-$version" spawn another_version >>"$work/log" 2>&1
    done
  done
  rm "$work/log"
}

# The source archive is built where there is no network, nor anything that cargo has fetched before; what
# comes of it is unpacked, and installed on a Debian system.
check_dist() {
  make_work
  local source archive
  archive=$(bash cmake/dist.sh "$work")
  tar xzf "$archive" -C "$work"
  source=$(echo "$work"/cfutures-*/)
  CARGO_HOME=$work/cargo without_network bash "$source/cmake/package.sh" "$source" >>"$work/log" 2>&1
  mv "$source"/build/package/packages/*.* "$work"
  rm -rf "$source"
  readme_block c 2 >"$work/demo.c"
  readme_block text 2 >"$work/expected"
  unpack_archives >>"$work/log" 2>&1
  if command -v dpkg-shlibdeps >>"$work/log"; then on_debian >>"$work/log" 2>&1; fi
  fetch "$archive" >>"$work/log" 2>&1
  rm "$work/log"
}

# without_network <command ...>: where nothing can be reached; in a container that may not even make that, where
# cargo does not try, and a proxy that is not there answers everybody else.
without_network() {
  if unshare --net true 2>/dev/null; then
    unshare --net "$@"
  elif unshare --map-root-user --net true 2>/dev/null; then
    unshare --map-root-user --net "$@"
  else
    local nowhere=http://127.0.0.1:9
    CARGO_NET_OFFLINE=true http_proxy=$nowhere https_proxy=$nowhere all_proxy=$nowhere "$@"
  fi
}

on_debian() {
  lint
  unpack_debian
  if [ "$(id -u)" -eq 0 ]; then install_debian overlay; fi
  if [ -n "${CFUTURES_DEBOOTSTRAP:-}" ]; then install_debian debootstrap; fi
}

# What Debian's own checker thinks, where it is here. There is no address to write to, and no wish for a
# package to be closed; cpack adds calls of ldconfig.
lint() {
  if ! command -v lintian >/dev/null; then return; fi
  local accepted=bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs
  lintian --allow-root --fail-on error,warning --suppress-tags "$accepted,maintscript-calls-ldconfig" \
    "$work"/*.deb
}

# The Debian packages as anybody can unpack them, who is not root.
unpack_debian() (
  local package root=$work/debian
  for package in "$work"/*.deb; do dpkg-deb -x "$package" "$root"; done
  lib=$root/usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH)
  for package in libcfutures0 libcfutures-dev; do
    test -s "$root/usr/share/doc/$package/copyright"
    test -s "$root/usr/share/doc/$package/changelog.Debian.gz"
  done
  export PKG_CONFIG_LIBDIR=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
  export PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_ALLOW_SYSTEM_LIBS=1
  compile from-debian $(pkg-config --cflags --libs cfutures)
  LD_LIBRARY_PATH=$lib "$work/from-debian" | diff -u "$work/expected" -
)

# The archives of both components, unpacked into one folder of any name.
unpack_archives() (
  local archive root=$work/archives
  mkdir "$root"
  for archive in "$work"/*-runtime.tar.gz "$work"/*-dev.tar.gz; do tar xzf "$archive" -C "$root"; done
  find_library "$root"
  compile from-archives $(pkg-config --cflags --libs cfutures)
  "$work/from-archives" | diff -u "$work/expected" -
)

# fetch <source archive>: as a part of another project, which fetches it by its address.
fetch() {
  ulimit -c 0
  CARGO_HOME=$work/cargo within "
    FetchContent_Declare(cfutures URL file://$1 BINARY_DIR \${CMAKE_BINARY_DIR}/cfutures)
    FetchContent_MakeAvailable(cfutures)" Debug
  within_runs
}

# install_debian overlay|debootstrap: for root. Not every container lets root mount: the first one is left out
# there.
install_debian() {
  local status=0
  if [ "$1" = overlay ] && ! unshare --mount mount -t tmpfs tmpfs "$work" 2>/dev/null; then return; fi
  unshare --mount bash cmake/debian/try.sh "$1" "$work" || status=$?
  rmdir "$work/system"
  if [ "$1$status" = overlay77 ]; then return; fi
  return $status
}

# cargo-c, which other distributions use, installs the same files, but for what it knows nothing of. Part of
# `./run soak`, as it has to be compiled first.
check_cinstall() {
  make_work
  local prefix=/usr/local
  cmake --install "$build" --prefix "$work/cmake$prefix" >"$work/log" 2>&1
  CARGO_TARGET_DIR=$PWD/build/cinstall "$cargo" cinstall --locked --release --prefix $prefix \
    --libdir $prefix/lib --destdir "$work/cargo" >>"$work/log" 2>&1
  diff <(files "$work/cmake" | grep -vE '/(cmake|share|libexec)/') <(files "$work/cargo") >>"$work/log"
  readelf -d "$work/cargo$prefix/lib/libcfutures.so" | grep 'SONAME.*\[libcfutures\.so\.0\]' >>"$work/log"
  find_library "$work/cargo"
  readme_block c 2 >"$work/demo.c"
  readme_block text 2 >"$work/expected"
  export PKG_CONFIG_SYSROOT_DIR=$work/cargo
  compile cinstall-shared $(pkg-config --cflags --libs cfutures)
  compile cinstall-static $(static_from_pkg_config)
  runs shared cinstall-shared && runs static cinstall-static
  rm "$work/log"
}

files() {
  (cd "$1" && find . ! -type d | LC_ALL=C sort)
}
