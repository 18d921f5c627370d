#!/usr/bin/env bash
# test.sh <prefix>: builds and tests the Go binding against the package that is installed there, as its users do:
# formatting, go vet, the tests plainly, under the race detector and with the garbage collector provoked, the
# examples, and the README's quick start. Quiet when all is well. Writes into <prefix>/../go only.
#
# What needs Go 1.23 is tested with the go that CFUTURES_GO_CURRENT names, or that of build/go-current, if there is
# one. The first run compiles Go's own library for the race detector and for the current Go.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
prefix=$(cd "$1" && pwd)
work=$(dirname "$prefix")/go
mkdir -p "$work/cgo"
# shellcheck source=/dev/null
. "$prefix/environment"
export GOCACHE=$work/cache GOPATH=$work/gopath GOENV=off XDG_CONFIG_HOME=$work/config
export GOFLAGS=-buildvcs=false GOTOOLCHAIN=local GOPROXY=off GOWORK=off
# Crashes that are meant leave no files.
ulimit -c 0
cd "$here"

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# quietly <command ...>: shows its output if it fails.
quietly() {
  "$@" >"$work/log" 2>&1 </dev/null || { cat "$work/log" >&2; fail "" "FAILED: $*"; }
}

# compare <what> <expected> <file>
compare() {
  diff "$2" "$3" >&2 || fail "" "FAILED: the output of $1 is not what is expected (< is)"
}

command -v go >/dev/null || { echo "go is missing. Its package in Debian is golang-go." >&2; exit 77; }

unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || fail "gofmt would change:" "$unformatted"

# The compiler's own warnings: cgo's generated code has some, ours has none.
(cd internal/cfutures && quietly go tool cgo -objdir "$work/cgo" -- -I"$prefix/include" ./*.go)
for source in internal/cfutures/*.c examples/*/*.c; do
  # shellcheck disable=SC2046
  quietly "${CC:-cc}" -std=c99 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Werror -fsyntax-only \
    $(pkg-config --cflags cfutures) -I"$work/cgo" -Iinternal/cfutures "$source"
done

quietly go vet ./...
quietly go test -count=1 -timeout 120s .
quietly go vet -tags cfutures_debug .
quietly go test -race -short -count=1 -timeout 120s .
quietly go test -tags cfutures_debug -short -count=1 -timeout 120s .
current=${CFUTURES_GO_CURRENT:-$here/../../build/go-current/bin/go}
if [ -x "$current" ]; then
  # What is only there, and what depends on how Go starts and is entered.
  quietly "$current" test -vet=off -count=1 -timeout 120s -run 'Iterator|MapAll|Process|Closure|Deadlock' .
fi

for example in primes pages hostile; do
  quietly go build -o "$work/$example" "./examples/$example"
  timeout 60 "$work/$example" >"$work/$example.txt" || fail "FAILED: the example $example"
  compare "the example $example" "examples/expected/$example.txt" "$work/$example.txt"
done

# The quick start as a reader types it, and what the README says that it prints.
rm -rf "$work/start"
mkdir "$work/start"
awk '/^```/ && take { exit } take { print } /^<!-- quick start -->/ { near = 1 } near && /^```sh/ { take = 1 }' \
  README.md >"$work/start.sh"
awk '/^prints$/ { near = 1 } /^```/ && take { exit } take { print } near && /^```$/ { take = 1 }' \
  README.md >"$work/start.expected"
[ -s "$work/start.sh" ] && [ -s "$work/start.expected" ] || fail "README.md has no quick start"
(cd "$work/start" && bash -euo pipefail "$work/start.sh") \
  >"$work/start.txt" 2>"$work/log" || { cat "$work/log" >&2; fail "" "FAILED: the quick start"; }
compare "the quick start" "$work/start.expected" "$work/start.txt"
