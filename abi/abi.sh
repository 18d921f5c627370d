#!/usr/bin/env bash
# abi.sh check|documented|write <library> [header]: compares the interface with what is promised in this
# folder, or writes the promise anew. Run by `./run abi` and by the checks "abi" and "documented".
#
#   cfutures.symbols  every exported function with the version node that it came with
#   cfutures.abi      signatures, layouts and constants, as libabigail writes them down
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command=$1
library=$2
header=${3:-$here/../include/cfutures.h}
map=$here/../cmake/cfutures.map
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# exported <library>: its functions with their version nodes.
exported() {
  nm -D --defined-only --with-symbol-versions "$1" | awk '$2 != "A" { print $3 }' | LC_ALL=C sort
}

# What the header promises, as a library with the symbol versions of the real one.
dump() {
  mkdir "$work/include"
  cp "$header" "$work/include/cfutures.h"
  python3 "$here/witness.py" "$work/include/cfutures.h" >"$work/witness.c"
  cc -g -fno-eliminate-unused-debug-types -w -shared -fPIC -I"$work/include" "$work/witness.c" \
    -Wl,--version-script="$map" -Wl,-soname,libcfutures.so.0 -o "$work/libcfutures.so.0"
  # Where it was compiled is another folder each time.
  abidw --load-all-types --drop-private-types --headers-dir "$work/include" \
    --no-show-locs --no-corpus-path --no-comp-dir-path "$work/libcfutures.so.0" |
    sed "s|$work/||g" >"$work/now.abi"
}

# same <arguments of abidiff>: false, and what abidiff says, if there is any difference.
same() {
  local said
  # The C library's types are not ours to promise.
  printf '[suppress_type]\nname_regexp = ^(max_align_t|__fsid_t)$\n' >"$work/foreign"
  said=$(abidiff --suppressions "$work/foreign" --no-show-locs "$@") || {
    echo "$said"
    return 1
  }
}

check() {
  local failed=0
  diff -u --label abi/cfutures.symbols --label exported "$here/cfutures.symbols" <(exported "$library") ||
    failed=1
  dump
  same --non-reachable-types "$here/cfutures.abi" "$work/now.abi" || failed=1
  # The library has no debug information: only its symbols are compared.
  same "$here/cfutures.abi" "$library" || failed=1
  if [ $failed -ne 0 ]; then
    echo "The interface differs from what abi/ promises. If that is meant: ./run abi, and the next minor" \
      "version with a node of its own in cmake/cfutures.map."
    return 1
  fi
}

# documented: every exported function must be declared in the header, right after a comment of its own.
documented() {
  local missing
  missing=$(LC_ALL=C comm -13 \
    <(awk '/\*\/$/ { after = 1; next }
        after && match($0, /cf_[a-z0-9_]+\(/) { print substr($0, RSTART, RLENGTH - 1) }
        { after = 0 }' "$header" | LC_ALL=C sort) \
    <(exported "$library" | sed 's/@.*//' | LC_ALL=C sort))
  if [ -n "$missing" ]; then
    echo "exported, but without a comment in $(basename "$header"):" $missing
    return 1
  fi
}

write() {
  dump
  same --non-reachable-types "$here/cfutures.abi" "$work/now.abi" || true
  exported "$library" >"$here/cfutures.symbols"
  cp "$work/now.abi" "$here/cfutures.abi"
}

"$command"
