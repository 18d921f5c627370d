#!/usr/bin/env bash
# test.sh <prefix>: the tests, the examples and the quick start of the Ruby binding, with the library installed in
# <prefix> (see ../prepare.sh). The gem is built and installed into a folder of its own, which goes in the end; the
# examples and the quick start have nothing but that. Says nothing while all is well.
set -euo pipefail
# shellcheck source=/dev/null
. "$1/environment"
cd "$(dirname "${BASH_SOURCE[0]}")"
here=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset RUBYLIB RUBYOPT
ruby -e 'require "ffi"; require "minitest"' 2>/dev/null || {
  echo "Ruby, its ffi or its minitest is missing. Debian: ruby ruby-ffi ruby-minitest." >&2
  exit 77
}
export GEM_HOME=$work/gems
# Crashes that are meant leave no files.
ulimit -c 0

fail() {
  cat "$work/out" >&2
  echo "FAILED: $*" >&2
  exit 1
}

# step <what> <command ...>: it succeeds, and Ruby warns of nothing.
step() {
  local what=$1
  shift
  "$@" >"$work/out" 2>&1 </dev/null || fail "$what"
  if grep -q 'warning:' "$work/out"; then fail "$what: warnings"; fi
}

# same <what> <expected file> <program>: it prints what it should.
same() {
  (cd "$work" && ruby -w "$3") >"$work/out" 2>&1 </dev/null || fail "$1"
  if ! diff "$2" "$work/out" >"$work/difference"; then
    cp "$work/difference" "$work/out"
    fail "$1 prints something else"
  fi
}

# block <language> <file>: the first block of that language in the README.
block() {
  awk -v begin="\`\`\`$1" '$0 == "```" && on { exit } on { print } $0 == begin { on = 1 }' README.md >"$2"
  [ -s "$2" ] || { echo "README.md has no block in $1" >&2 && exit 1; }
}

step "tests" ruby -w -Ilib -Itest -e 'Dir["test/test_*.rb"].sort.each { |file| require "./#{file}" }'

if ruby -e 'require "rbs/cli"' 2>/dev/null; then
  step "signatures" ruby -e 'require "rbs"; require "rbs/cli"; RBS::CLI.new(stdout: $stdout, stderr: $stderr).run(%w[-I sig validate --silent])'
fi

block sh "$work/install.sh"
step "installing as README.md says" sh -ec "cd '$work' && . ./install.sh"
for part in LICENSE-MIT LICENSE-APACHE README.md lib/cfutures.rb sig/cfutures.rbs; do
  step "the gem has $part" test -s "$GEM_HOME/gems/cfutures-0.1.0/$part"
done
for example in primes pages hostile; do
  same "example $example" "$here/examples/expected/$example.txt" "$here/examples/$example.rb"
done
block ruby "$work/quick_start.rb"
block text "$work/quick_start.txt"
same "quick start" "$work/quick_start.txt" "$work/quick_start.rb"
