/*
 * Shows: completion queues: what next gives and in which order, tags and their destroy hooks, the
 * descriptor, close and free. Many threads at once, arguments and forked children are in
 * completion_queue_threads.c, use inside a pool in deadlock_calls.c.
 *
 * CPython has no counterpart: a queue answers the wish to add futures while as_completed runs, and
 * lets an event loop wait.
 */
#define _GNU_SOURCE
#include "scene.h"

#include <fcntl.h>
#include <poll.h>

static cf_completion_queue *new_queue(void) {
  cf_completion_queue *q = NULL;
  ASSERT_OK(cf_completion_queue_new(&q));
  ASSERT(q != NULL);
  return q;
}

/* The next entry is this future with this tag. */
static void expect_next(cf_completion_queue *q, cf_future *future, void *tag) {
  cf_future *f = NULL;
  void *t = q;
  ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &f, &t));
  ASSERT_EQ_PTR(future, f);
  ASSERT_EQ_PTR(tag, t);
  ASSERT(cf_future_done(f));
  cf_future_release(f);
}

static void expect_none(int status, cf_completion_queue *q, int64_t timeout_ns) {
  cf_future *f = (cf_future *)q;
  void *tag = q;
  ASSERT_STATUS(status, cf_completion_queue_next(q, timeout_ns, &f, &tag));
  ASSERT(f == NULL); /* it would be a new reference */
}

/* ---------------------------------------------------------------- next */

CF_TEST_PLAIN(queue_gives_futures_in_completion_order_with_their_tags) {
  cf_completion_queue *q = new_queue();
  cf_future *fs[] = { pending_future(), pending_future(), finished_future(2), pending_future(),
                      cancelled_future() };
  int tags[5];
  for (size_t i = 0; i < 5; i++) ASSERT_OK(cf_completion_queue_add(q, fs[i], &tags[i], NULL));
  expect_next(q, fs[2], &tags[2]);
  expect_next(q, fs[4], &tags[4]);
  finish(fs[3], 3);
  ASSERT(cf_future_cancel(fs[1]));
  expect_next(q, fs[3], &tags[3]);
  expect_next(q, fs[1], &tags[1]);
  deed failing;
  when_i_sleep(&failing, fail_it, fs[0]);
  expect_next(q, fs[0], &tags[0]);
  await_deed(&failing);
  expect_none(CF_TIMEOUT, q, 0);
  cf_completion_queue_free(q);
  cf_futures_release(fs, 5);
}

CF_TEST(queue_gives_tasks_as_they_end) {
  gate first = gate_make(), second = gate_make();
  cf_completion_queue *q = new_queue();
  cf_future *fs[] = { submit_gated(ex, &first, 1), submit_gated(ex, &second, 2) };
  ASSERT_OK(cf_completion_queue_add(q, fs[0], NULL, NULL));
  ASSERT_OK(cf_completion_queue_add(q, fs[1], NULL, NULL));
  gate_open(&second, 1);
  expect_next(q, fs[1], NULL);
  expect_none(CF_TIMEOUT, q, 0);
  gate_open(&first, 1);
  expect_next(q, fs[0], NULL);
  cf_completion_queue_free(q);
  cf_futures_release(fs, 2);
  gate_close(&first);
  gate_close(&second);
}

/* What as_completed cannot do: more is added while it runs, here three generations of tasks. */
CF_TEST(queue_takes_more_while_it_is_read) {
  cf_completion_queue *q = new_queue();
  cf_future *f = submit_value(ex, 1);
  int32_t sum = 0;
  size_t open = 1;
  ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
  cf_future_release(f);
  for (; open > 0; open--) {
    ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &f, NULL));
    int32_t value = value_of(f);
    cf_future_release(f);
    sum += value;
    for (int child = 0; child < 2 && value < 100; child++, open++) {
      f = submit_value(ex, value * 10);
      ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
      cf_future_release(f);
    }
  }
  ASSERT_EQ_INT(1 + 2 * 10 + 4 * 100, sum);
  cf_completion_queue_free(q);
}

/* 0 polls, negative has expired, and an open queue without entries waits as well. */
CF_TEST_PLAIN(queue_next_times_out) {
  const int64_t timeouts[] = { 0, -1, INT64_MIN, CF_SHORT };
  cf_completion_queue *q = new_queue();
  cf_future *f = pending_future();
  for (size_t i = 0; i < LENGTH(timeouts); i++) expect_none(CF_TIMEOUT, q, timeouts[i]);
  ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
  for (size_t i = 0; i < LENGTH(timeouts); i++) expect_none(CF_TIMEOUT, q, timeouts[i]);
  finish(f, 1);
  const int64_t polls[] = { 0, -1, INT64_MIN, INT64_MAX - 1 };
  for (size_t i = 0; i < LENGTH(polls); i++) {
    cf_future *g = NULL;
    void *tag = NULL;
    if (i > 0) ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
    ASSERT_OK(cf_completion_queue_next(q, polls[i], &g, &tag)); /* what is done never times out */
    cf_future_release(g);
  }
  cf_completion_queue_free(q);
  cf_future_release(f);
}

/* Each entry comes once: a future that was added twice comes twice, one in two queues in both. */
CF_TEST_PLAIN(queue_entries_of_one_future_are_independent) {
  cf_completion_queue *q = new_queue(), *other = new_queue();
  cf_future *f = pending_future();
  int tags[3];
  ASSERT_OK(cf_completion_queue_add(q, f, &tags[0], NULL));
  ASSERT_OK(cf_completion_queue_add(q, f, &tags[1], NULL));
  ASSERT_OK(cf_completion_queue_add(other, f, &tags[2], NULL));
  finish(f, 1);
  bool seen[2] = { false, false };
  for (int i = 0; i < 2; i++) {
    cf_future *g = NULL;
    void *tag = NULL;
    ASSERT_OK(cf_completion_queue_next(q, 0, &g, &tag));
    ASSERT_EQ_PTR(f, g);
    ASSERT(tag == &tags[0] || tag == &tags[1]);
    ASSERT(!seen[tag == &tags[1]]);
    seen[tag == &tags[1]] = true;
    cf_future_release(g);
  }
  expect_none(CF_TIMEOUT, q, 0);
  expect_next(other, f, &tags[2]);
  cf_completion_queue_free(q);
  cf_completion_queue_free(other);
  cf_future_release(f);
}

/* next gives a reference of its own: the future outlives the adder's, the queue and the pool. */
CF_TEST(queue_next_gives_a_reference) {
  cf_completion_queue *q = new_queue();
  cf_future *f = submit_value(ex, 7), *given = NULL;
  void *tag = NULL;
  ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
  cf_future_release(f);
  ASSERT_OK(cf_completion_queue_next(q, CF_FOREVER, &given, &tag));
  cf_completion_queue_free(q);
  cf_executor_free(ex);
  ex = NULL;
  ASSERT_VALUE(7, given);
  cf_future_release(given);
}

/* ---------------------------------------------------------------- tags */

/* A tag's destroy hook runs only if the tag is never handed out; then once, at the latest when the
 * queue is freed. */
CF_TEST_PLAIN(queue_destroys_tags_that_it_never_handed_out) {
  enum { GIVEN, READY, PENDING, N };
  cf_completion_queue *q = new_queue();
  cf_future *fs[N] = { finished_future(1), pending_future(), pending_future() };
  int destroyed[N] = { 0, 0, 0 };
  for (int i = 0; i < N; i++)
    ASSERT_OK(cf_completion_queue_add(q, fs[i], &destroyed[i], count_destroy));
  expect_next(q, fs[GIVEN], &destroyed[GIVEN]);
  finish(fs[READY], 2);
  for (int i = 0; i < N; i++) ASSERT_EQ_INT(0, destroyed[i]);
  cf_completion_queue_free(q);
  ASSERT_EQ_INT(0, destroyed[GIVEN]);
  ASSERT_EQ_INT(1, destroyed[READY]);
  ASSERT_EQ_INT(1, destroyed[PENDING]);
  finish(fs[PENDING], 3); /* nobody listens any more */
  ASSERT_EQ_INT(1, destroyed[PENDING]);
  cf_futures_release(fs, N);
}

/* Freed while tasks still run: they end as ever. */
CF_TEST(queue_freed_with_pending_entries_leaves_the_futures_alone) {
  gate g = gate_make();
  cf_completion_queue *q = new_queue();
  cf_future *fs[8];
  int destroyed = 0;
  for (int i = 0; i < 8; i++) {
    fs[i] = submit_gated(ex, &g, i);
    ASSERT_OK(cf_completion_queue_add(q, fs[i], &destroyed, count_destroy));
  }
  cf_completion_queue_free(q);
  ASSERT_EQ_INT(8, count_of(&destroyed));
  gate_open(&g, 8);
  for (int i = 0; i < 8; i++) ASSERT_VALUE(i, fs[i]);
  cf_futures_release(fs, 8);
  gate_close(&g);
}

/* ---------------------------------------------------------------- close */

CF_TEST_PLAIN(queue_closed_gives_what_is_there_then_the_end) {
  cf_completion_queue *q = new_queue();
  cf_future *fs[] = { finished_future(1), finished_future(2), pending_future() };
  int tags[3], destroyed = 0;
  for (int i = 0; i < 3; i++) ASSERT_OK(cf_completion_queue_add(q, fs[i], &tags[i], NULL));
  ASSERT_OK(cf_completion_queue_close(q));
  ASSERT_STATUS(CF_SHUTDOWN, cf_completion_queue_add(q, fs[0], &destroyed, count_destroy));
  ASSERT_EQ_INT(1, destroyed); /* also when the call that takes it fails */
  ASSERT_STATUS(CF_SHUTDOWN, cf_completion_queue_add(q, fs[2], &destroyed, count_destroy));
  ASSERT_EQ_INT(2, destroyed);
  ASSERT_STATUS(CF_SHUTDOWN, cf_completion_queue_add(q, fs[2], &destroyed, NULL));
  expect_next(q, fs[0], &tags[0]);
  expect_next(q, fs[1], &tags[1]);
  expect_none(CF_END, q, CF_FOREVER);
  expect_none(CF_END, q, 0);
  ASSERT_OK(cf_completion_queue_close(q)); /* once more changes nothing */
  expect_none(CF_END, q, CF_FOREVER);
  cf_completion_queue_free(q);
  finish(fs[2], 3);
  cf_futures_release(fs, 3);
}

static void close_it(void *q) { ASSERT_OK(cf_completion_queue_close(q)); }

CF_TEST_PLAIN(queue_close_wakes_who_waits) {
  cf_completion_queue *q = new_queue();
  cf_future *f = pending_future();
  ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
  deed closing;
  when_i_sleep(&closing, close_it, q);
  expect_none(CF_END, q, CF_FOREVER);
  await_deed(&closing);
  cf_completion_queue_free(q);
  cf_future_release(f);
}

static void close_again(void *q) { ASSERT_OK(cf_completion_queue_close(q)); }

/* No lock is held while a destroy hook runs: it may call the queue. */
CF_TEST_PLAIN(queue_destroy_hook_may_call_the_queue) {
  cf_completion_queue *q = new_queue();
  cf_future *f = pending_future();
  ASSERT_OK(cf_completion_queue_close(q));
  ASSERT_STATUS(CF_SHUTDOWN, cf_completion_queue_add(q, f, q, close_again));
  cf_completion_queue_free(q);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- the descriptor */

static bool readable(int fd) {
  struct pollfd look = { fd, POLLIN, 0 };
  int ready = poll(&look, 1, 0);
  ASSERT(ready >= 0);
  return ready == 1 && (look.revents & POLLIN) != 0;
}

/* Level-triggered: readable as long as a completion waits, not a moment longer. */
CF_TEST_PLAIN(queue_descriptor_is_readable_while_a_completion_waits) {
  cf_completion_queue *q = new_queue();
  cf_future *fs[] = { pending_future(), pending_future(), pending_future() };
  int fd = cf_completion_queue_fd(q);
  ASSERT(fd >= 0);
  ASSERT_EQ_INT(fd, cf_completion_queue_fd(q)); /* always the same one */
  ASSERT((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
  ASSERT(!readable(fd));
  for (int i = 0; i < 3; i++) ASSERT_OK(cf_completion_queue_add(q, fs[i], NULL, NULL));
  ASSERT(!readable(fd));
  finish(fs[1], 1);
  ASSERT(readable(fd) && readable(fd));
  finish(fs[0], 0);
  expect_next(q, fs[1], NULL);
  ASSERT(readable(fd)); /* one more waits */
  expect_next(q, fs[0], NULL);
  ASSERT(!readable(fd));
  expect_none(CF_TIMEOUT, q, 0);
  ASSERT(!readable(fd));
  ASSERT(cf_future_cancel(fs[2]));
  ASSERT(readable(fd));
  expect_next(q, fs[2], NULL);
  ASSERT(!readable(fd));
  cf_completion_queue_free(q);
  cf_futures_release(fs, 3);
}

/* A loop that sleeps in poll must see the end: the descriptor stays readable once it is closed. */
CF_TEST_PLAIN(queue_descriptor_is_readable_when_closed) {
  cf_completion_queue *q = new_queue();
  int fd = cf_completion_queue_fd(q);
  ASSERT(!readable(fd));
  ASSERT_OK(cf_completion_queue_close(q));
  ASSERT(readable(fd));
  expect_none(CF_END, q, 0);
  ASSERT(readable(fd));
  cf_completion_queue_free(q);
  q = new_queue(); /* asked for after the close */
  ASSERT_OK(cf_completion_queue_close(q));
  ASSERT(readable(cf_completion_queue_fd(q)));
  cf_completion_queue_free(q);
}

/* Asked for late, it is readable at once. */
CF_TEST_PLAIN(queue_descriptor_knows_of_earlier_completions) {
  cf_completion_queue *q = new_queue();
  cf_future *f = finished_future(1);
  ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
  ASSERT(readable(cf_completion_queue_fd(q)));
  expect_next(q, f, NULL);
  ASSERT(!readable(cf_completion_queue_fd(q)));
  cf_completion_queue_free(q);
  cf_future_release(f);
}

/* An event loop: sleep in poll, then take all there is without waiting. */
CF_TEST(queue_descriptor_drives_an_event_loop) {
  enum { N = 200 };
  cf_completion_queue *q = new_queue();
  struct pollfd loop = { cf_completion_queue_fd(q), POLLIN, 0 };
  bool seen[N] = { false };
  for (int32_t i = 0; i < N; i++) {
    cf_future *f = submit_value(ex, i);
    ASSERT_OK(cf_completion_queue_add(q, f, NULL, NULL));
    cf_future_release(f);
  }
  for (size_t taken = 0; taken < N;) {
    ASSERT_EQ_INT(1, poll(&loop, 1, -1));
    cf_future *f = NULL;
    void *tag = NULL;
    cf_status status;
    while ((status = cf_completion_queue_next(q, 0, &f, &tag)) == CF_OK) {
      int32_t value = value_of(f);
      ASSERT(value >= 0 && value < N && !seen[value]);
      seen[value] = true;
      taken++;
      cf_future_release(f);
    }
    ASSERT_STATUS(CF_TIMEOUT, status);
  }
  ASSERT(!readable(loop.fd));
  cf_completion_queue_free(q);
}
