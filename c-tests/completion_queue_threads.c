/*
 * Shows: completion queues used by many threads at once, what they answer to unusual arguments, and
 * inherited queues in a forked child. What one user sees is in completion_queue.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "scene.h"

#include <sched.h>

/* ---------------------------------------------------------------- producers and consumers */

enum { PRODUCERS = 4, CONSUMERS = 4, MOST = 4 * 1000 };

struct market {
  cf_executor *executor;
  cf_completion_queue *queue;
  size_t per_producer;
  int given[MOST]; /* how often each tag came */
  int taken;
  int next_producer;
};

/* Adds tasks, futures that are done before they are added and futures that end afterwards. */
static void *produce(void *arg) {
  struct market *m = arg;
  size_t first = (size_t)(count_up(&m->next_producer) - 1) * m->per_producer;
  for (size_t i = first; i < first + m->per_producer; i++) {
    cf_future *f = i % 3 == 0 ? submit_value(m->executor, (int32_t)i) : pending_future();
    if (i % 3 == 1) finish(f, (int32_t)i);
    ASSERT_OK(cf_completion_queue_add(m->queue, f, &m->given[i], NULL));
    if (i % 3 == 2) finish(f, (int32_t)i);
    cf_future_release(f);
  }
  return NULL;
}

static void *consume(void *arg) {
  struct market *m = arg;
  for (;;) {
    cf_future *f = NULL;
    void *tag = NULL;
    cf_status status = cf_completion_queue_next(m->queue, CF_FOREVER, &f, &tag);
    if (status == CF_END) return NULL;
    ASSERT_OK(status);
    int *given = tag;
    ASSERT_EQ_INT(given - m->given, value_of(f)); /* the tag belongs to the future */
    count_up(given);
    count_up(&m->taken);
    cf_future_release(f);
  }
}

/* Every entry comes to exactly one consumer. */
CF_TEST(queue_with_many_producers_and_consumers_loses_nothing) {
  static struct market m;
  pthread_t producers[PRODUCERS], consumers[CONSUMERS];
  m = (struct market){ 0 };
  m.executor = ex;
  m.per_producer = scaled(MOST / PRODUCERS);
  ASSERT_OK(cf_completion_queue_new(&m.queue));
  for (int i = 0; i < CONSUMERS; i++) consumers[i] = start_thread(consume, &m);
  for (int i = 0; i < PRODUCERS; i++) producers[i] = start_thread(produce, &m);
  for (int i = 0; i < PRODUCERS; i++) join_thread(producers[i]);
  int all = (int)(m.per_producer * PRODUCERS);
  while (count_of(&m.taken) < all) sched_yield();
  ASSERT_OK(cf_completion_queue_close(m.queue));
  for (int i = 0; i < CONSUMERS; i++) join_thread(consumers[i]);
  ASSERT_EQ_INT(all, m.taken);
  for (int i = 0; i < all; i++) ASSERT_EQ_INT(1, m.given[i]);
  cf_completion_queue_free(m.queue);
}

/* ---------------------------------------------------------------- sleeping consumers */

struct sleeper {
  cf_completion_queue *queue;
  int32_t thread;
  int started;
  int ended;
  cf_status status;
};

static void *sleep_in_next(void *arg) {
  struct sleeper *s = arg;
  s->thread = thread_id();
  count_up(&s->started);
  cf_future *f = NULL;
  void *tag = NULL;
  s->status = cf_completion_queue_next(s->queue, CF_FOREVER, &f, &tag);
  cf_future_release(f);
  count_up(&s->ended);
  return NULL;
}

static void start_sleepers(struct sleeper *s, pthread_t *threads, int n, cf_completion_queue *q) {
  for (int i = 0; i < n; i++) {
    s[i] = (struct sleeper){ q, 0, 0, 0, CF_PANIC };
    threads[i] = start_thread(sleep_in_next, &s[i]);
  }
  for (int i = 0; i < n; i++) {
    while (count_of(&s[i].started) == 0) sched_yield();
    await_asleep(s[i].thread);
  }
}

static int count_ended(struct sleeper *s, int n) {
  int ended = 0;
  for (int i = 0; i < n; i++) ended += count_of(&s[i].ended);
  return ended;
}

/* So many completions wake so many consumers; close wakes the rest. */
CF_TEST_PLAIN(queue_wakes_as_many_consumers_as_there_are_completions) {
  cf_completion_queue *q = NULL;
  struct sleeper sleepers[CONSUMERS];
  pthread_t threads[CONSUMERS];
  cf_future *fs[] = { pending_future(), pending_future() };
  ASSERT_OK(cf_completion_queue_new(&q));
  start_sleepers(sleepers, threads, CONSUMERS, q);
  for (int i = 0; i < 2; i++) {
    ASSERT_OK(cf_completion_queue_add(q, fs[i], NULL, NULL));
    finish(fs[i], i);
  }
  while (count_ended(sleepers, CONSUMERS) < 2) sched_yield();
  for (int i = 0; i < CONSUMERS; i++)
    if (count_of(&sleepers[i].ended) == 0) await_asleep(sleepers[i].thread);
  ASSERT_EQ_INT(2, count_ended(sleepers, CONSUMERS));
  ASSERT_OK(cf_completion_queue_close(q));
  int ok = 0, end = 0;
  for (int i = 0; i < CONSUMERS; i++) {
    join_thread(threads[i]);
    ok += sleepers[i].status == CF_OK;
    end += sleepers[i].status == CF_END;
  }
  ASSERT_EQ_INT(2, ok);
  ASSERT_EQ_INT(CONSUMERS - 2, end);
  cf_completion_queue_free(q);
  cf_futures_release(fs, 2);
}

/* ---------------------------------------------------------------- close against completion */

struct race {
  cf_completion_queue *queue;
  cf_future *fs[8];
  int tags[8];
};

static void *finish_all(void *arg) {
  struct race *r = arg;
  for (int i = 0; i < 8; i++) finish(r->fs[i], i);
  return NULL;
}

static void *add_all(void *arg) {
  struct race *r = arg;
  for (int i = 0; i < 8; i++) {
    cf_status status = cf_completion_queue_add(r->queue, r->fs[i], &r->tags[i], count_destroy);
    ASSERT(status == CF_OK || status == CF_SHUTDOWN);
  }
  return NULL;
}

/* However adding, completing, taking and closing interleave: each tag is handed out or destroyed,
 * and exactly once. */
CF_TEST_PLAIN(queue_gives_or_destroys_each_tag_once_in_every_race) {
  for (size_t round = 0; round < scaled(200); round++) {
    static struct race r;
    ASSERT_OK(cf_completion_queue_new(&r.queue));
    for (int i = 0; i < 8; i++) {
      r.fs[i] = pending_future();
      r.tags[i] = 0;
    }
    pthread_t adder = start_thread(add_all, &r), finisher = start_thread(finish_all, &r);
    for (size_t i = 0; i < round % 8; i++) {
      cf_future *f = NULL;
      void *tag = NULL;
      int64_t moment = (int64_t)i * 1000;
      if (cf_completion_queue_next(r.queue, moment, &f, &tag) == CF_OK) count_destroy(tag);
      cf_future_release(f);
    }
    ASSERT_OK(cf_completion_queue_close(r.queue));
    join_thread(adder);
    join_thread(finisher);
    cf_completion_queue_free(r.queue);
    for (int i = 0; i < 8; i++) ASSERT_EQ_INT(1, r.tags[i]);
    cf_futures_release(r.fs, 8);
  }
}

/* ---------------------------------------------------------------- arguments */

CF_TEST_PLAIN(queue_checks_its_arguments) {
  cf_completion_queue *q = NULL;
  cf_future *f = finished_future(1), *given = f;
  void *tag = NULL;
  int destroyed = 0;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_new(NULL));
  ASSERT_OK(cf_completion_queue_new(&q));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_add(NULL, f, &destroyed, count_destroy));
  ASSERT_EQ_INT(1, destroyed);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_add(q, NULL, &destroyed, count_destroy));
  ASSERT_EQ_INT(2, destroyed);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_add(NULL, NULL, NULL, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_next(NULL, 0, &given, &tag));
  ASSERT(given == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_close(NULL));
  ASSERT_EQ_INT(-1, cf_completion_queue_fd(NULL));
  ASSERT_STATUS(CF_TIMEOUT, cf_completion_queue_next(q, 0, &given, &tag)); /* nothing was added */
  ASSERT_OK(cf_completion_queue_add(q, f, &destroyed, count_destroy));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completion_queue_next(q, 0, NULL, &tag));
  ASSERT_OK(cf_completion_queue_next(q, 0, &given, NULL)); /* it was not lost, its tag is now */
  ASSERT_EQ_PTR(f, given);
  ASSERT_EQ_INT(2, destroyed);
  cf_future_release(given);
  cf_completion_queue_free(q);
  cf_completion_queue_free(NULL);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- after a fork */

struct inherited {
  cf_completion_queue *queue;
  cf_future *future;
};

static void use_in_child(void *arg) {
  struct inherited *i = arg;
  cf_future *f = i->future;
  void *tag = NULL;
  int destroyed = 0;
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_next(i->queue, CF_FOREVER, &f, &tag));
  ASSERT(f == NULL);
  ASSERT_STATUS(CF_FORKED,
                cf_completion_queue_add(i->queue, i->future, &destroyed, count_destroy));
  ASSERT_EQ_INT(1, destroyed);
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_close(i->queue));
  ASSERT_EQ_INT(-1, cf_completion_queue_fd(i->queue));
  cf_completion_queue_free(i->queue); /* does nothing */
  cf_completion_queue *own = NULL;
  ASSERT_OK(cf_completion_queue_new(&own));
  ASSERT_STATUS(CF_FORKED, cf_completion_queue_add(own, i->future, &destroyed, count_destroy));
  ASSERT_EQ_INT(2, destroyed);
  cf_completion_queue_free(own);
}

CF_TEST(queue_in_a_forked_child_is_refused) {
  struct inherited i = { NULL, submit_value(ex, 1) };
  cf_future *f = NULL;
  int tag = 0;
  void *given = NULL;
  ASSERT_OK(cf_completion_queue_new(&i.queue));
  ASSERT_OK(cf_completion_queue_add(i.queue, i.future, &tag, count_destroy));
  ASSERT_VALUE(1, i.future);
  run_in_child(use_in_child, &i);
  /* The parent's queue is as it was. */
  ASSERT_OK(cf_completion_queue_next(i.queue, CF_FOREVER, &f, &given));
  ASSERT_EQ_PTR(i.future, f);
  ASSERT_EQ_PTR(&tag, given);
  ASSERT_EQ_INT(0, tag);
  cf_future_release(f);
  cf_future_release(i.future);
  cf_completion_queue_free(i.queue);
}
