#!/usr/bin/env bash
# test.sh <prefix>: the package's format, tests, examples and quick start, against the library that is installed in
# <prefix>. Quiet when all is well. Everything that it writes lies beside <prefix>, Zig's caches too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
root=$(cd ../.. && pwd)
prefix=$(cd "$1" && pwd)
work=$(dirname "$prefix")/zig
# shellcheck source=/dev/null
. "$prefix/environment"
mkdir -p "$work"
# Crashes that are meant leave no files.
ulimit -c 0
# In these two variables Zig looks for its caches, whoever calls it. The tools that `zig build` compiles for itself,
# once for each global cache, are compiled ten times as fast without optimisation.
export ZIG_LOCAL_CACHE_DIR=$work/cache ZIG_GLOBAL_CACHE_DIR=$work/global-cache ZIG_DEBUG_CMD=1
tasks=-Dtasks=$(dirname "$CFUTURES_TASKS")

# The Zig that `./run test` has installed, or one in PATH.
find_zig() {
  local wanted found
  wanted=$(sed -n 's/.*minimum_zig_version = "\(.*\)".*/\1/p' build.zig.zon)
  for PATH in "$PATH" "$root/build/zig/bin:$PATH"; do
    found=$(zig version 2>/dev/null || true)
    if [ "${found%.*}" = "${wanted%.*}" ] && printf '%s\n' "$wanted" "$found" | sort -V -C; then return; fi
  done
  echo "Zig $wanted is missing. Each of these installs it: ./run test; pip install ziglang==$wanted" >&2
  exit 77
}

# step <what> <command ...>: runs it, and shows its output only if it fails.
step() {
  local log=$work/log status
  # A function that is a condition would go on after what fails in it.
  set +e
  (set -e; "${@:2}") >"$log" 2>&1 </dev/null
  status=$?
  set -e
  if [ $status -ne 0 ]; then
    cat "$log" >&2
    echo "FAILED: $1" >&2
    exit 1
  fi
}

zig_build() {
  timeout 250 zig build --build-file "$here/build.zig" --prefix "$work/out" "$tasks" "$@"
}

example() {
  local expected=$here/examples/expected/$1.txt
  sh "$root/examples-c/check_output.sh" "$expected" "${@:2}" "$work/out/bin/$1"
}

# block <language> <n>: the n-th block of the README in that language.
block() {
  awk -v start="^\`\`\`$1\$" -v n="$2" '
    $0 ~ /^```$/ && inside { exit }
    inside { print }
    $0 ~ start && ++seen == n { inside = 1 }' "$here/README.md"
}

# What the README says, typed in an empty folder.
quick_start() {
  rm -rf "$work/quick" && mkdir "$work/quick" && cd "$work/quick"
  block sh 1 >prepare.sh
  . ./prepare.sh
  block zig 1 >build.zig
  block zig 2 >src/main.zig
  block sh 2 >run.sh
  sh run.sh >output
  [ -n "$(block text 1)" ]
  diff <(block text 1) output
}

find_zig
step "zig fmt" zig fmt --check build.zig src tests examples "$root/benches/bindings/zig"
step "zig build test" zig_build test
step "zig build examples" zig_build examples
step "example primes" example primes
step "example pages" example pages python3 "$root/examples-c/serve.py"
step "example hostile" example hostile
step "the quick start of the README" quick_start
