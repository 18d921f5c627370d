#!/usr/bin/env bash
# prepare.sh <build tree> <prefix>: installs the package and the tasks of the tests there, for the tests of
# the bindings. <prefix>/environment sets what a shell needs to use them.
set -euo pipefail
build=$1 prefix=$2
rm -rf "$prefix"
cmake --install "$build" --prefix "$prefix" >/dev/null
cmake --build "$build" --target cfutures-tasks >/dev/null
lib=$(dirname "$(find "$prefix" -name libcfutures.so)")
cp "$(find "$build/bindings" -name libcfutures-tasks.so)" "$lib"
printf 'export PKG_CONFIG_PATH=%q LD_LIBRARY_PATH=%q CFUTURES_TASKS=%q\n' \
  "$lib/pkgconfig" "$lib" "$lib/libcfutures-tasks.so" >"$prefix/environment"
