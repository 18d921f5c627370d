/*
 * A word that one side sets and the other waits for, asleep on a futex or awake for a while: what the
 * limits are made of. Used by: process_limits.c and thread_limits.c, which say with WORD_FUTEX_FLAG
 * whether the word lies in memory shared between processes (0) or not (FUTEX_PRIVATE_FLAG).
 *
 * Always true: who sleeps has said so in `asleep` before it looked at the value for the last time, so
 * a post that sees nobody asleep has been seen itself, and needs no system call.
 */
#ifndef WORD_H
#define WORD_H

#include "bench.h"

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef WORD_FUTEX_FLAG
#error "WORD_FUTEX_FLAG is 0 or FUTEX_PRIVATE_FLAG"
#endif

struct word {
  uint32_t value;
  uint32_t asleep;
  char pad[120]; /* each in cache lines of its own */
};

static inline void pause_cpu(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

static inline void post(struct word *w, uint32_t value) {
  __atomic_store_n(&w->value, value, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&w->asleep, __ATOMIC_SEQ_CST))
    syscall(SYS_futex, &w->value, FUTEX_WAKE | WORD_FUTEX_FLAG, 1, NULL, NULL, 0);
}

/* Sleeps unless the word is no longer what it was. Only one thread waits for a word. */
static inline void sleep_on(struct word *w, uint32_t was) {
  __atomic_store_n(&w->asleep, 1, __ATOMIC_SEQ_CST);
  if (__atomic_load_n(&w->value, __ATOMIC_SEQ_CST) == was)
    syscall(SYS_futex, &w->value, FUTEX_WAIT | WORD_FUTEX_FLAG, was, NULL, NULL, 0);
  __atomic_store_n(&w->asleep, 0, __ATOMIC_RELAXED);
}

/* Waits until the word is value; the first spin_ns nanoseconds awake. */
static inline void await(struct word *w, uint32_t value, uint64_t spin_ns) {
  uint64_t end = spin_ns ? bench_now_ns() + spin_ns : 0;
  uint32_t now;
  while ((now = __atomic_load_n(&w->value, __ATOMIC_ACQUIRE)) != value) {
    if (spin_ns && bench_now_ns() < end)
      for (int i = 0; i < 32 && __atomic_load_n(&w->value, __ATOMIC_RELAXED) != value; i++)
        pause_cpu();
    else
      sleep_on(w, now);
  }
}

#endif
