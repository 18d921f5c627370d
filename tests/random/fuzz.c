/*
 * What libFuzzer calls: bytes are read as calls of the C interface, over thread pools.
 *
 * Owns: a world for each input: two pools, two queues, and one or two sides that use them at the same
 * time, each with futures, an iterator and a map of its own. The calls are in fuzz_calls.c and
 * fuzz_many.c.
 * Run by the checks "fuzz" and "fuzz-corpus" (cmake/checks.sh).
 *
 * Always true: a call gives only what its comment lists; what is given away with a destroy function is
 * destroyed once; a callback of a task runs once; all that is said to be done has the outcome that the
 * task gave. AddressSanitizer sees the rest.
 */
#include "fuzz.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

void fuzz_fail(const char *file, int line, const char *what) {
  fprintf(stderr, "%s:%d: %s\n", file, line, what);
  abort();
}

/* ---------------------------------------------------------------- the gate */

static struct {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  bool closed;
  int forced; /* so many calls wait for tasks: nobody may stop at the gate */
} gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, 0 };

void gate_set(bool closed, int force) {
  pthread_mutex_lock(&gate.lock);
  gate.closed = closed;
  gate.forced += force;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

void gate_force(int by) {
  pthread_mutex_lock(&gate.lock);
  gate.forced += by;
  pthread_cond_broadcast(&gate.changed);
  pthread_mutex_unlock(&gate.lock);
}

void gate_pass(void) {
  pthread_mutex_lock(&gate.lock);
  while (gate.closed && gate.forced == 0) pthread_cond_wait(&gate.changed, &gate.lock);
  pthread_mutex_unlock(&gate.lock);
}

/* ---------------------------------------------------------------- what is given away */

token *token_new(struct world *world, bool must_run) {
  token *t = calloc(1, sizeof *t);
  CHECK(t != NULL);
  t->world = world;
  t->must_run = must_run;
  atomic_fetch_add(&world->given, 1);
  return t;
}

void token_free(void *data) {
  token *t = data;
  CHECK(t->ran <= 1);
  CHECK(!t->must_run || t->ran == 1);
  atomic_fetch_add(&t->world->destroyed, 1);
  free(t);
}

/* ---------------------------------------------------------------- one input */

static cf_executor *pool_new(unsigned workers) {
  cf_executor *pool;
  CHECK(cf_thread_pool_new(1 + workers % 3, &pool, NULL) == CF_OK);
  return pool;
}

static void side_free(struct side *side) {
  for (size_t i = 0; i < FUTURES; i++) cf_future_release(side->slots[i].future);
  cf_completions_free(side->completions);
  cf_map_free(side->map);
}

static void *play(void *data) {
  struct side *side = data;
  while (side->at < side->end) fuzz_call(side);
  gate_force(1); /* what this side has closed, it opens no more */
  return NULL;
}

/* Both sides; the second has the second half of the bytes. */
static void play_all(struct side *sides, bool both) {
  pthread_t thread;
  if (both) CHECK(pthread_create(&thread, NULL, play, &sides[1]) == 0);
  play(&sides[0]);
  if (both) pthread_join(thread, NULL);
}

/* Tasks that submit use the handle until they end. */
static void pools_free(struct world *world) {
  for (size_t i = 0; i < 2; i++) {
    CHECK(cf_executor_shutdown(world->pools[i], true, false) == CF_OK);
    cf_executor_free(world->pools[i]);
  }
}

static void queues_free(struct world *world) {
  for (size_t i = 0; i < 2; i++) cf_completion_queue_free(world->queues[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2 || size > 400) return -1; /* not for the corpus */
  unsigned head = data[0];
  bool both = (head & 1) != 0;
  struct world world = { .both = both };
  size_t half = both ? size / 2 : size;
  struct side sides[2] = { { .world = &world, .at = data + 1, .end = data + half },
                           { .world = &world, .at = data + half, .end = data + size } };
  gate.closed = false;
  gate.forced = 0;
  for (size_t i = 0; i < 2; i++) {
    world.pools[i] = pool_new(head >> (1 + 2 * i));
    CHECK(cf_completion_queue_new(&world.queues[i]) == CF_OK);
  }
  play_all(sides, both);
  if ((head & 64) != 0) pools_free(&world);
  if ((head & 128) != 0) queues_free(&world);
  side_free(&sides[0]);
  side_free(&sides[1]);
  if ((head & 64) == 0) pools_free(&world);
  if ((head & 128) == 0) queues_free(&world);
  CHECK(world.given == world.destroyed + world.taken);
  return 0;
}
