#!/usr/bin/env bash
# The checks of what is installed and packed. Read by checks.sh, which says how a check is run and sets
# $build, $cargo and `set -e`.

# make_work: sets $work, a folder that goes when the check ends. What ends the check early has said why in
# the log there.
make_work() {
  work=$(mktemp -d)
  trap 'if [ -e "$work/log" ]; then cat "$work/log"; fi; rm -rf "$work"' EXIT
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

# The handlers of panics are replaced when the archive is packed (pack-archive.cmake), and other libraries in Rust
# have handlers of their own.
check_panic() {
  make_work
  local flags=(--edition 2021 --crate-type staticlib -C opt-level=2 -C codegen-units=1) order
  local bug='libcfutures: a bug in the library: panicked at'
  local here="$bug tests/panic/library.rs:N:" core="$bug core/src/panicking.rs:N:"
  ulimit -c 0
  rustc "${flags[@]}" -C lto=thin tests/panic/library.rs -o "$work/cargo.a"
  rustc "${flags[@]}" -C lto=fat tests/panic/other.rs -o "$work/other.a"
  cmake -DINPUT="$work/cargo.a" -DOUTPUT="$work/library.a" -DCC="$(command -v cc)" \
    -DAR="$(command -v ar)" -DNM="$(command -v nm)" -DOBJCOPY="$(command -v objcopy)" -DKEEP_DEBUG=0 \
    -P cmake/pack-archive.cmake >"$work/log" 2>&1
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
