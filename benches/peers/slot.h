/*
 * A small future for the peers that have none: one heap block with the call, its result and a state
 * word that a waiter sleeps on with a futex. It does as little as a future can: no second owner, no
 * cancel, no callback. Used by: asio.cpp, glib.c, tbb.cpp.
 */
#ifndef SLOT_H
#define SLOT_H

#include "bench.h"

#include <linux/futex.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOT_PENDING, SLOT_WAITED_FOR, SLOT_DONE };

struct slot {
  bench_fn fn;
  uint64_t value; /* the argument, later the result */
  uint32_t state;
};

static inline struct slot *slot_new(bench_fn fn, uint64_t arg) {
  struct slot *s = (struct slot *)malloc(sizeof *s);
  if (!s) bench_die("out of memory");
  s->fn = fn;
  s->value = arg;
  s->state = SLOT_PENDING;
  return s;
}

/* The task. After the exchange the slot may be gone; a wake-up at a freed address hits nobody, or
 * somebody who looks again anyway. */
static inline void slot_run(struct slot *s) {
  s->value = s->fn(s->value);
  if (__atomic_exchange_n(&s->state, SLOT_DONE, __ATOMIC_ACQ_REL) == SLOT_WAITED_FOR)
    syscall(SYS_futex, &s->state, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Looks again for a moment before it sleeps, as std::atomic::wait in libstdc++ does. */
static inline uint32_t slot_spin(struct slot *s) {
  uint32_t state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
  for (int i = 0; i < 16 && state != SLOT_DONE; i++) {
    if (i >= 12) sched_yield();
    state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
  }
  return state;
}

/* Waits for the result and frees the slot. */
static inline uint64_t slot_result(struct slot *s) {
  uint32_t state = slot_spin(s);
  while (state != SLOT_DONE) {
    if (state == SLOT_WAITED_FOR ||
        __atomic_compare_exchange_n(&s->state, &state, SLOT_WAITED_FOR, 0, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
      syscall(SYS_futex, &s->state, FUTEX_WAIT_PRIVATE, SLOT_WAITED_FOR, NULL, NULL, 0);
    state = __atomic_load_n(&s->state, __ATOMIC_ACQUIRE);
  }
  uint64_t value = s->value;
  free(s);
  return value;
}

#endif
