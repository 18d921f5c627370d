/*
 * A decoder that crashes on some inputs, 10,000 inputs of which nobody knows who made them, and a
 * tally of what became of them. Used by hostile_input.c and demo_hostile.c.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "example.h"

#include <signal.h>
#include <sys/resource.h>

enum { INPUTS = 10000, MOST_BYTES = 24, MALFORMED = 1 };

struct input {
  size_t size;
  unsigned char bytes[MOST_BYTES];
};

typedef int (*reader)(int sum, unsigned char byte);
static inline int add(int sum, unsigned char byte) {
  return sum + byte;
}
static inline int subtract(int sum, unsigned char byte) {
  return sum - byte;
}

/* Records of a kind, a length and bytes. */
static inline int32_t decode(cf_task *task, void *arg, size_t arg_size) {
  static const reader readers[4] = { add, subtract, add, NULL }; /* kind 3 was never written */
  const struct input *in = arg;
  int sum = 0;
  (void)arg_size;
  for (size_t at = 0; at < in->size;) {
    size_t kind = in->bytes[at] >= 254 ? 3 : in->bytes[at] / 90u, length = in->bytes[at] % 8u;
    if (in->bytes[at] == 253) abort(); /* "this cannot happen" */
    if (++at + length > in->size) return cf_task_fail(task, MALFORMED, "a record is cut off");
    if (kind == 3) length++; /* its length does not count its sign */
    for (; length > 0 && at < in->size; length--) sum = readers[kind](sum, in->bytes[at++]);
  }
  return cf_task_return(task, &sum, sizeof sum);
}

static inline uint32_t random_number(uint32_t sides) {
  static uint32_t state = 1;
  state = state * 1664525u + 1013904223u;
  return (state >> 16) % sides;
}

/* The same inputs at every run. */
static inline void make_inputs(struct input inputs[INPUTS]) {
  for (size_t i = 0; i < INPUTS; i++) {
    inputs[i].size = 1 + random_number(MOST_BYTES);
    for (size_t k = 0; k < inputs[i].size; k++)
      inputs[i].bytes[k] = (unsigned char)random_number(256);
  }
}

/* Workers inherit this: a file for each crash is of no use here. */
static inline void make_no_core_files(void) {
  const struct rlimit none = { 0, 0 };
  setrlimit(RLIMIT_CORE, &none);
}

struct tally {
  int decoded, malformed, crashed, asserted;
};

/* Waits for the future, if it has not ended, and counts how it ended. */
static inline void count_outcome(struct tally *tally, cf_future *future) {
  const cf_error *error;
  must(cf_future_exception(future, CF_FOREVER, &error));
  tally->decoded += error == NULL;
  tally->malformed += cf_error_status(error) == CF_TASK_FAILED && cf_error_code(error) == MALFORMED;
  tally->crashed += cf_error_signal(error) == SIGSEGV;
  tally->asserted += cf_error_signal(error) == SIGABRT;
}

static inline int unaccounted_for(const struct tally *tally) {
  return INPUTS - tally->decoded - tally->malformed - tally->crashed - tally->asserted;
}

#endif
