/*
 * Shows: cf_as_completed_each, the callback form of as_completed, and what both forms answer to
 * unusual arguments, to a second user at the same time and in a forked child.
 */
#define _POSIX_C_SOURCE 200809L
#include "scene.h"

#include <sched.h>

/* ---------------------------------------------------------------- the callback form */

enum { MOST = 16 };

struct visits {
  size_t count;
  size_t stop_after; /* 0: never */
  size_t order[MOST];
  cf_future *futures[MOST];
  cf_future *finish_next; /* finished by hand by the first visit */
  int32_t thread;
};

static bool visit(cf_future *f, size_t index, void *user_data) {
  struct visits *v = user_data;
  ASSERT(v->count < MOST);
  ASSERT(cf_future_done(f));
  v->order[v->count] = index;
  v->futures[v->count] = f;
  v->count++;
  v->thread = thread_id();
  if (v->finish_next != NULL) {
    finish(v->finish_next, 1);
    v->finish_next = NULL;
  }
  return v->count != v->stop_after;
}

static struct visits no_visits(void) {
  struct visits v = { 0, 0, { 0 }, { NULL }, NULL, 0 };
  return v;
}

/* As as_completed: done ones first, then by completion, a duplicate once under its first index, and
 * all in the thread that called. */
CF_TEST_PLAIN(each_visits_every_future_as_it_completes) {
  cf_future *a = pending_future(), *b = failed_future(13), *c = pending_future();
  cf_future *const fs[] = { a, b, c, b, c };
  struct visits v = no_visits();
  v.finish_next = c;
  deed finishing;
  when_i_sleep(&finishing, finish_it, a);
  ASSERT_OK(cf_as_completed_each(fs, 5, CF_FOREVER, visit, &v));
  await_deed(&finishing);
  ASSERT_EQ_SIZE(3, v.count);
  const size_t order[] = { 1, 2, 0 };
  for (size_t i = 0; i < 3; i++) {
    ASSERT_EQ_SIZE(order[i], v.order[i]);
    ASSERT_EQ_PTR(fs[order[i]], v.futures[i]);
  }
  ASSERT_EQ_INT(thread_id(), v.thread);
  cf_future_release(a);
  cf_future_release(b);
  cf_future_release(c);
}

CF_TEST(each_visits_tasks_of_an_executor) {
  cf_future *fs[MOST];
  bool seen[MOST] = { false };
  struct visits v = no_visits();
  for (size_t i = 0; i < MOST; i++) fs[i] = submit_value(ex, (int32_t)i);
  ASSERT_OK(cf_as_completed_each(fs, MOST, CF_LONG, visit, &v));
  ASSERT_EQ_SIZE(MOST, v.count);
  for (size_t i = 0; i < MOST; i++) {
    size_t at = v.order[i];
    ASSERT(at < MOST && !seen[at]);
    seen[at] = true;
    ASSERT_VALUE((int)at, v.futures[i]);
  }
  cf_futures_release(fs, MOST);
}

CF_TEST_PLAIN(each_stops_when_told) {
  cf_future *fs[] = { finished_future(1), pending_future(), finished_future(3) };
  struct visits v = no_visits();
  v.stop_after = 1;
  ASSERT_OK(cf_as_completed_each(fs, 3, CF_FOREVER, visit, &v));
  ASSERT_EQ_SIZE(1, v.count);
  v = no_visits();
  v.stop_after = 2; /* does not wait for the pending one */
  ASSERT_OK(cf_as_completed_each(fs, 3, CF_FOREVER, visit, &v));
  ASSERT_EQ_SIZE(2, v.count);
  finish(fs[1], 2);
  cf_futures_release(fs, 3);
}

/* One deadline for the whole walk; what is done is visited all the same. */
CF_TEST_PLAIN(each_visits_what_is_done_and_times_out) {
  const int64_t timeouts[] = { 0, CF_SHORT, -1, INT64_MIN };
  cf_future *fs[] = { finished_future(1), pending_future(), cancelled_future() };
  for (size_t i = 0; i < LENGTH(timeouts); i++) {
    struct visits v = no_visits();
    ASSERT_STATUS(CF_TIMEOUT, cf_as_completed_each(fs, 3, timeouts[i], visit, &v));
    ASSERT_EQ_SIZE(2, v.count);
  }
  cf_futures_release(fs, 3);
}

CF_TEST_PLAIN(each_of_nothing_visits_nothing) {
  struct visits v = no_visits();
  ASSERT_OK(cf_as_completed_each(NULL, 0, CF_FOREVER, visit, &v));
  ASSERT_OK(cf_as_completed_each(NULL, 0, 0, visit, &v));
  ASSERT_EQ_SIZE(0, v.count);
}

struct nested {
  cf_executor *executor;
  int32_t sum;
};

static bool add_value(cf_future *f, size_t index, void *user_data) {
  struct nested *n = user_data;
  (void)index;
  n->sum += value_of(f);
  return true;
}

/* Submits two more tasks for each future and walks over them in turn. */
static bool walk_deeper(cf_future *f, size_t index, void *user_data) {
  struct nested *n = user_data;
  cf_future *more[] = { submit_value(n->executor, 10), submit_value(n->executor, 100) };
  (void)index;
  n->sum += value_of(f);
  ASSERT_OK(cf_as_completed_each(more, 2, CF_FOREVER, add_value, n));
  cf_futures_release(more, 2);
  return true;
}

/* No lock is held during a visit: it may submit and wait. */
CF_TEST(each_visit_may_submit_and_wait) {
  cf_future *fs[] = { submit_value(ex, 1), submit_value(ex, 2), submit_value(ex, 3) };
  struct nested n = { ex, 0 };
  ASSERT_OK(cf_as_completed_each(fs, 3, CF_FOREVER, walk_deeper, &n));
  ASSERT_EQ_INT(6 + 330, n.sum);
  cf_futures_release(fs, 3);
}

/* ---------------------------------------------------------------- arguments */

CF_TEST_PLAIN(as_completed_checks_its_arguments) {
  cf_future *f = finished_future(1);
  cf_future *const with_null[] = { f, NULL };
  cf_completions *it = (cf_completions *)&f; /* an owned handle is NULL after a failure */
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(NULL, 1, 0, &it));
  ASSERT(it == NULL);
  it = (cf_completions *)&f;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(with_null, 2, 0, &it));
  ASSERT(it == NULL);
  it = (cf_completions *)&f;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(&f, SIZE_MAX, 0, &it));
  ASSERT(it == NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(&f, SIZE_MAX / 8 + 2, 0, &it));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(&f, 1, 0, NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed(NULL, 0, 0, NULL));
  cf_future_release(f);
}

CF_TEST_PLAIN(each_checks_its_arguments) {
  cf_future *f = finished_future(1);
  cf_future *const with_null[] = { f, NULL };
  struct visits v = no_visits();
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(NULL, 1, 0, visit, &v));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(with_null, 2, 0, visit, &v));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(&f, SIZE_MAX, 0, visit, &v));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(&f, SIZE_MAX / 8 + 2, 0, visit, &v));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(&f, 1, 0, NULL, &v));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_as_completed_each(NULL, 0, 0, NULL, &v));
  ASSERT_EQ_SIZE(0, v.count);
  cf_future_release(f);
}

CF_TEST_PLAIN(as_completed_of_nothing_ends_at_once) {
  const int64_t timeouts[] = { CF_FOREVER, 0, -1 };
  for (size_t i = 0; i < LENGTH(timeouts); i++) {
    cf_completions *it = NULL;
    ASSERT_OK(cf_as_completed(NULL, 0, timeouts[i], &it));
    ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
    ASSERT_STATUS(CF_END, cf_completions_next(it, NULL, NULL));
    cf_completions_free(it);
  }
}

CF_TEST_PLAIN(completions_next_writes_only_what_is_asked_for) {
  cf_future *fs[] = { finished_future(1), finished_future(2), finished_future(3),
                      pending_future() };
  size_t index = 77;
  cf_future *f = NULL;
  cf_completions *it = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_completions_next(NULL, &index, &f));
  ASSERT_EQ_SIZE(77, index);
  ASSERT_OK(cf_as_completed(fs, 4, 0, &it));
  ASSERT_OK(cf_completions_next(it, NULL, NULL));
  ASSERT_OK(cf_completions_next(it, &index, NULL));
  ASSERT(index < 3);
  ASSERT_OK(cf_completions_next(it, NULL, &f));
  ASSERT(f == fs[0] || f == fs[1] || f == fs[2]);
  index = 77;
  ASSERT_STATUS(CF_TIMEOUT, cf_completions_next(it, &index, NULL));
  ASSERT_EQ_SIZE(77, index);
  cf_completions_free(it);
  cf_completions_free(NULL);
  cf_futures_release(fs, 4);
}

/* ---------------------------------------------------------------- a second user */

struct reader {
  cf_completions *it;
  int32_t thread;
  int started;
  int status;
};

static void *read_one(void *arg) {
  struct reader *r = arg;
  r->thread = thread_id();
  count_up(&r->started);
  r->status = cf_completions_next(r->it, NULL, NULL);
  return NULL;
}

static void *read_once_more(void *arg) {
  cf_completions *it = arg;
  ASSERT_STATUS(CF_INVALID_STATE, cf_completions_next(it, NULL, NULL));
  return NULL;
}

/* One user at a time: the second one is refused, the first one does not notice. */
CF_TEST_PLAIN(completions_next_refuses_a_second_user) {
  cf_future *f = pending_future();
  struct reader first = { NULL, 0, 0, 0 };
  ASSERT_OK(cf_as_completed(&f, 1, CF_FOREVER, &first.it));
  pthread_t thread = start_thread(read_one, &first);
  while (count_of(&first.started) == 0) sched_yield();
  await_asleep(first.thread);
  join_thread(start_thread(read_once_more, first.it));
  finish(f, 1);
  join_thread(thread);
  ASSERT_STATUS(CF_OK, first.status);
  ASSERT_STATUS(CF_END, cf_completions_next(first.it, NULL, NULL)); /* another thread, in turn */
  cf_completions_free(first.it);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- after a fork */

struct inherited {
  cf_future *future;
  cf_completions *it;
};

static void iterate_in_child(void *arg) {
  struct inherited *i = arg;
  struct visits v = no_visits();
  cf_completions *it = i->it;
  ASSERT_STATUS(CF_FORKED, cf_as_completed(&i->future, 1, 0, &it));
  ASSERT(it == NULL);
  ASSERT_STATUS(CF_FORKED, cf_as_completed_each(&i->future, 1, 0, visit, &v));
  ASSERT_EQ_SIZE(0, v.count);
  ASSERT_STATUS(CF_FORKED, cf_completions_next(i->it, NULL, NULL));
  cf_completions_free(i->it); /* does nothing */
  cf_future *own = finished_future(1);
  ASSERT_OK(cf_as_completed_each(&own, 1, 0, visit, &v));
  ASSERT_EQ_SIZE(1, v.count);
  cf_future_release(own);
}

CF_TEST(as_completed_in_a_forked_child_is_refused) {
  struct inherited i = { submit_value(ex, 1), NULL };
  ASSERT_VALUE(1, i.future);
  ASSERT_OK(cf_as_completed(&i.future, 1, CF_FOREVER, &i.it));
  run_in_child(iterate_in_child, &i);
  ASSERT_OK(cf_completions_next(i.it, NULL, NULL));
  ASSERT_STATUS(CF_END, cf_completions_next(i.it, NULL, NULL));
  cf_completions_free(i.it);
  cf_future_release(i.future);
}
