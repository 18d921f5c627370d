#!/bin/sh
# Runs a command and checks that it ends with status 0 and prints what is expected.
#
#   check_output.sh EXPECTED COMMAND [ARGUMENT ...]
#
# EXPECTED is a text, compared line by line. Threads print in no fixed order, so it may say how
# much order there is: a line "---" ends a sequence of lines, and sequences may be interleaved; a
# line "===" ends a block, and everything before it comes first. <number>, <decimal>, <address>,
# <word> and <any> stand for what differs from run to run. Used by the tests of this directory.
set -u

expected=$1
shift
output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

"$@" >"$output"
status=$?
if [ "$status" -ne 0 ]; then
  echo "exit status $status of: $*" >&2
elif awk -f "$(dirname "$0")/check_output.awk" "$expected" "$output"; then
  exit 0
fi
echo "the output was:" >&2
cat "$output" >&2
exit 1
