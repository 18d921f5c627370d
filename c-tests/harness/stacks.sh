#!/bin/sh
# stacks.sh <pid of a host>: the stack of every thread of that process, its zygotes and its workers,
# through gdb if there is one, else what /proc tells. Called by the watchdogs of check.c, helper/hosts.py
# and tests/watchdog, which wait for it; so nothing here may wait for ever.
host=$1
# The inodes of its pools' memory.
memory=$(sed -n 's|^[^ ]* [^ ]* [^ ]* [^ ]* \([0-9]*\) */memfd:cfutures .*|\1|p' "/proc/$host/maps" 2>/dev/null)

# through_gdb <pid>: fails if there is no gdb, or if it may not look.
through_gdb() {
  command -v gdb >/dev/null 2>&1 || return 1
  out=$(timeout -s KILL 20 gdb -p "$1" -batch -nx -iex 'set debuginfod enabled off' \
    -iex 'set print thread-events off' -ex 'thread apply all bt 40' 2>/dev/null </dev/null |
    grep -E '^(Thread|#)')
  [ -n "$out" ] && echo "$out"
}

# through_proc <pid>: where each thread sleeps in the kernel.
through_proc() {
  for thread in "/proc/$1/task"/*; do
    echo "Thread ${thread##*/} $(cat "$thread/comm" 2>/dev/null)"
    grep -E '^(State|SigBlk|SigPnd)' "$thread/status" 2>/dev/null
    for file in wchan syscall stack; do
      echo "$file: $(cat "$thread/$file" 2>/dev/null)"
    done
  done
}

# show <pid> <what it is>
show() {
  echo "--- process $1 $2 ($(cat "/proc/$1/comm" 2>/dev/null))"
  stacks=$(through_gdb "$1") || stacks=$(through_proc "$1")
  echo "$stacks"
  echo "--- $(echo "$stacks" | grep -c '^Thread') threads shown"
}

# is_marked <pid>: a suite marks its environment, which all that descends from it inherits.
is_marked() {
  [ -r "/proc/$1/environ" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$1/environ" | grep -qx "CF_TEST_HOST=$host"
}

# shares_memory <pid>: it has a pool's memory mapped that the host has too.
shares_memory() {
  [ -n "$memory" ] || return 1
  for inode in $memory; do
    grep -q "^[^ ]* [^ ]* [^ ]* [^ ]* $inode */memfd:cfutures " "/proc/$1/maps" 2>/dev/null && return 0
  done
  return 1
}

show "$host" "of the host"
shown=0
for folder in /proc/[0-9]*; do
  pid=${folder#/proc/}
  [ "$pid" != "$host" ] && [ "$pid" != $$ ] || continue
  # This shell and what it starts are marked as well.
  [ "$(sed -n 's/^PPid:[[:space:]]*//p' "$folder/status" 2>/dev/null)" != $$ ] || continue
  is_marked "$pid" || shares_memory "$pid" || continue
  shown=$((shown + 1))
  if [ "$shown" -gt 20 ]; then # each takes a debugger a second
    echo "--- and others below it"
    break
  fi
  show "$pid" "below it"
done
