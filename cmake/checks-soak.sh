# shellcheck shell=bash
# The long forms of random tests, for `./run soak` alone: rounds, each a run of its own with a seed of its own, so that a
# hang is told soon; and a mixed load for hours. All over forked and spawned pools at the same time. Read by checks.sh,
# which says what $build is.
#
# Always true: what fails is shown with its seed, and ends the check; else the last line has the figures.
# shellcheck disable=SC2154

# rounds <suite> <kind> <wanted> <n-th word> <variable=value ...>: rounds until the n-th words of their figures sum up to what
# is wanted. Prints the figures of each.
rounds() {
  local suite=$1 kind=$2 wanted=$3 word=$4 sum=0 seed said figures
  shift 4
  seed=$(date +%s)
  while [ "$sum" -lt "$wanted" ]; do
    seed=$((seed + 1))
    said=$(env "$@" CF_TEST_TIMEOUT=900 CF_TEST_SEED=$seed "$build/c-tests/$suite" "$kind" 2>&1) || {
      printf '%s\n' "$said" "FAILED: $suite $kind, $*, CF_TEST_SEED=$seed"
      return 1
    }
    figures=$(grep -E '^ {8}[0-9]' <<<"$said")
    echo "$figures"
    sum=$((sum + $(awk -v "word=$word" '{ print $word }' <<<"$figures")))
  done
}

# both_kinds <suite> <wanted of each> <n-th word> <variable=value ...>: shows what failed; else all figures.
both_kinds() {
  local suite=$1 folder=$build/soak kind failed=0 running=()
  shift
  mkdir -p "$folder"
  for kind in fork spawn; do
    rounds "$suite" $kind "$@" >"$folder/$suite-$kind.log" &
    running+=($!)
  done
  for kind in "${running[@]}"; do wait "$kind" || failed=1; done
  if [ $failed -ne 0 ]; then tail -n 40 "$folder/$suite"-*.log; fi
  cat "$folder/$suite"-*.log >"$folder/$suite.log"
  return $failed
}

# CFUTURES_KILLS workers are killed in all, and a zygote for each fifty.
check_storm() {
  both_kinds process_storm $((${CFUTURES_KILLS:-100000} / 2)) 10 CF_TEST_KILLS="${CFUTURES_KILLS_A_ROUND:-1000}"
  awk '{ tasks += $1 + $3 + $5 + $8; own += $5; met += $8; kills += $10; zygotes += $15 }
    END { printf "%d rounds, %d tasks, none lost; %d workers and %d zygotes killed, %d while a task ran; %d tasks ended their worker\n",
      NR, tasks, kills, zygotes, met, own }' "$build/soak/process_storm.log"
}

# CFUTURES_EVIL workers in all.
check_evil() {
  both_kinds process_evil $((${CFUTURES_EVIL:-10000} / 2)) 1 CF_TEST_ROUNDS="${CFUTURES_EVIL_ROUNDS:-10}"
  awk '{ evil += $1; well += $5 }
    END { printf "%d rounds, %d evil workers, no host harmed; all %d pools that went on recovered\n",
      NR, evil, well }' "$build/soak/process_evil.log"
}

# CFUTURES_SOAK_SECONDS over each kind, at the same time.
check_mixed() {
  local kind failed=0 running=() folder=$build/soak
  mkdir -p "$folder"
  for kind in fork spawn; do
    CFUTURES_SOAK_SECONDS=${CFUTURES_SOAK_SECONDS:-28800} CF_TEST_TIMEOUT=300 CF_TEST_VERBOSE=1 \
      CF_TEST_SEED=${CF_TEST_SEED:-$(date +%s)} "$build/c-tests/process_soak" $kind >"$folder/mixed-$kind.log" 2>&1 &
    running+=($!)
  done
  for kind in "${running[@]}"; do wait "$kind" || failed=1; done
  if [ $failed -ne 0 ]; then tail -n 40 "$folder"/mixed-*.log; fi
  for kind in fork spawn; do sed -nE "s/^ {8}([0-9])/$kind: \\1/p" "$folder/mixed-$kind.log"; done | paste -sd ';'
  return $failed
}
