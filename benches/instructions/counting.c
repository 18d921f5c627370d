/*
 * Counting with callgrind's requests to valgrind, and the gate. Outside of valgrind the requests
 * are a few instructions that do nothing. Called by: instructions.c, processes.c.
 *
 * Each end() makes callgrind write a file that names the part, and prints a line with its name and
 * size; instructions.py reads both.
 */
#include "counting.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <valgrind/callgrind.h>

static int counting;

void count_from_here_on(int on) {
  counting = on;
}

/* Whether a thread's instructions are collected is a matter of that thread: none is at the start.
 * */
void begin(void) {
  CALLGRIND_ZERO_STATS;
  CALLGRIND_TOGGLE_COLLECT;
}

void end(const struct part *part) {
  CALLGRIND_TOGGLE_COLLECT;
  if (!counting || !part) return;
  CALLGRIND_DUMP_STATS_AT(part->name);
  printf("%s %zu %d\n", part->name, part->operations, (int)part->kind);
}

void count_each(const struct part *part, void (*function)(size_t i)) {
  begin();
  for (size_t i = 0; i < part->operations; i++) function(i);
  end(part);
}

static void down(sem_t *sem) {
  while (sem_wait(sem) != 0)
    if (errno != EINTR) die("sem_wait");
}

void gate_init(struct gate *gate, int shared) {
  if (sem_init(&gate->reached, shared, 0) != 0 || sem_init(&gate->open, shared, 0) != 0 ||
      sem_init(&gate->done, shared, 0) != 0)
    die("sem_init");
}

void gate_pass(struct gate *gate) {
  sem_post(&gate->reached);
  down(&gate->open);
}

void gate_done(struct gate *gate) {
  sem_post(&gate->done);
}

void gate_wait_until_reached(struct gate *gate) {
  down(&gate->reached);
}

void gate_wait_until_done(struct gate *gate) {
  down(&gate->done);
}

void gate_open(struct gate *gate) {
  sem_post(&gate->open);
  down(&gate->done);
}

void must(cf_status status) {
  if (status != CF_OK) die(cf_status_message(status));
}

void die(const char *why) {
  fprintf(stderr, "bench-instructions: %s\n", why);
  exit(3);
}
