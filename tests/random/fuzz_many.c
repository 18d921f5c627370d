/*
 * The calls about many futures, about queues, maps and pools that fuzz.c makes of bytes; and which byte
 * means which call.
 *
 * Called by: fuzz.c, on one or two threads. A side's futures, iterator and map are its own, the pools
 * and queues are shared.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* Some of the side's futures, in order; how many. */
static size_t some_of(struct side *s, cf_future **futures, bool *end) {
  size_t n = 0, from = next(s), count = next(s) % (FUTURES + 3);
  *end = true;
  for (size_t i = 0; i < count; i++) {
    const struct slot *slot = &s->slots[(from + i) % FUTURES];
    if (slot->future == NULL) continue;
    *end = *end && !slot->by_hand;
    futures[n++] = slot->future;
  }
  return n;
}

static void call_wait(struct side *s) {
  cf_future *futures[FUTURES + 3];
  bool end, done[FUTURES + 3];
  size_t done_count, said = 0, n = some_of(s, futures, &end);
  int when = (int)(next(s) % 4);
  int64_t timeout = patience(s, end);
  gate_force(timeout == CF_FOREVER ? 1 : 0);
  cf_status status = cf_wait(futures, n, timeout, when, done, &done_count);
  gate_force(timeout == CF_FOREVER ? -1 : 0);
  if (when == 3) {
    CHECK(status == CF_INVALID_ARGUMENT);
    return;
  }
  CHECK(status == CF_OK || (status == CF_TIMEOUT && timeout != CF_FOREVER));
  for (size_t i = 0; i < n; i++) {
    said += done[i];
    CHECK(!done[i] || cf_future_done(futures[i]));
  }
  CHECK(said == done_count);
  CHECK(status != CF_OK || when != CF_ALL_COMPLETED || said == n);
  CHECK(status != CF_OK || when != CF_FIRST_COMPLETED || said > 0 || n == 0);
}

static void call_cancel_many(struct side *s) {
  cf_future *futures[FUTURES + 3];
  bool end;
  size_t now = 0, n = some_of(s, futures, &end), count = cf_futures_cancel(futures, n);
  for (size_t i = 0; i < n; i++) now += cf_future_cancelled(futures[i]);
  CHECK(now >= count);
}

static void call_as_completed(struct side *s) {
  cf_future *futures[FUTURES + 3];
  bool end;
  size_t n = some_of(s, futures, &end);
  cf_completions_free(s->completions);
  CHECK(cf_as_completed(futures, n, patience(s, false), &s->completions) == CF_OK);
}

static void call_completions_next(struct side *s) {
  size_t index;
  cf_future *f;
  cf_status status = cf_completions_next(s->completions, &index, &f);
  if (s->completions == NULL) {
    CHECK(status == CF_INVALID_ARGUMENT);
  } else if (status == CF_OK) {
    CHECK(cf_future_done(f) && index < FUTURES + 3);
  } else {
    CHECK(f == NULL && (status == CF_END || status == CF_TIMEOUT));
  }
}

static void call_completions_free(struct side *s) {
  cf_completions_free(s->completions);
  s->completions = NULL;
}

static bool see(cf_future *f, size_t index, void *data) {
  unsigned *left = data;
  CHECK(cf_future_done(f) && index < FUTURES + 3);
  return --*left > 0;
}

static void call_each(struct side *s) {
  cf_future *futures[FUTURES + 3];
  bool end;
  size_t n = some_of(s, futures, &end);
  unsigned left = 1 + next(s) % 8;
  int64_t timeout = patience(s, end);
  gate_force(timeout == CF_FOREVER ? 1 : 0);
  cf_status status = cf_as_completed_each(futures, n, timeout, see, &left);
  gate_force(timeout == CF_FOREVER ? -1 : 0);
  CHECK(status == CF_OK || (status == CF_TIMEOUT && timeout != CF_FOREVER));
}

/* ---------------------------------------------------------------- queues */

static void call_queue_add(struct side *s) {
  cf_completion_queue *queue = queue_of(s);
  cf_future *f = slot_of(s)->future;
  token *t = token_new(s->world, false);
  cf_status status = cf_completion_queue_add(queue, f, t, token_free);
  if (f == NULL)
    CHECK(status == CF_INVALID_ARGUMENT);
  else
    CHECK(status == CF_OK || status == CF_SHUTDOWN);
}

static void call_queue_next(struct side *s) {
  cf_completion_queue *queue = queue_of(s);
  cf_future *f;
  void *tag;
  cf_status status = cf_completion_queue_next(queue, patience(s, false), &f, &tag);
  if (status == CF_OK) {
    CHECK(cf_future_done(f));
    cf_future_release(f);
    atomic_fetch_add(&s->world->taken, 1);
    free(tag);
  } else {
    CHECK(f == NULL && (status == CF_END || status == CF_TIMEOUT));
  }
}

static void call_queue_fd(struct side *s) {
  CHECK(cf_completion_queue_fd(queue_of(s)) >= 0);
}

/* Seldom: most of what can be done with a queue is done while it is open. */
static void call_queue_close(struct side *s) {
  cf_completion_queue *queue = queue_of(s);
  if (next(s) % 8 == 0) CHECK(cf_completion_queue_close(queue) == CF_OK);
}

/* ---------------------------------------------------------------- maps */

enum { ITEMS = 20 };

static void call_map(struct side *s) {
  cf_executor *pool = pool_of(s);
  cf_map_options *options;
  job jobs[ITEMS];
  job j = read_job(s, pool);
  size_t n = next(s) % (ITEMS + 1);
  if (j.kind == NESTED) j.kind = VALUE; /* it would outlive its pool's handle */
  for (size_t i = 0; i < ITEMS; i++) jobs[i] = j;
  cf_map_free(s->map);
  CHECK(cf_map_options_new(&options) == CF_OK);
  cf_map_options_set_chunk_size(options, next(s) % 8);
  cf_map_options_set_timeout(options, patience(s, false));
  cf_status status = cf_executor_map(pool, run, jobs, sizeof j, n, options, &s->map);
  CHECK(status == CF_OK || (status == CF_SHUTDOWN && s->map == NULL && n > 0));
  cf_map_options_free(options);
}

static void call_map_next(struct side *s) {
  cf_item item;
  cf_status status = cf_map_next(s->map, &item);
  if (s->map == NULL) {
    CHECK(status == CF_INVALID_ARGUMENT);
  } else if (status == CF_OK) {
    CHECK(item.index < ITEMS && (item.status == CF_OK) == (item.error == NULL));
    CHECK(item.status == CF_OK || cf_error_index(item.error) == item.index);
    CHECK(item.status == CF_OK || item.status == CF_TASK_FAILED || item.status == CF_CANCELLED);
  } else {
    CHECK(status == CF_END || status == CF_TIMEOUT);
  }
}

static void call_map_free(struct side *s) {
  cf_map_free(s->map);
  s->map = NULL;
}

static void call_map_into(struct side *s) {
  cf_executor *pool = pool_of(s);
  job jobs[ITEMS];
  int32_t out[ITEMS];
  cf_status statuses[ITEMS];
  cf_error *error;
  job j = read_job(s, pool);
  size_t n = next(s) % (ITEMS + 1);
  for (size_t i = 0; i < ITEMS; i++) {
    jobs[i] = j;
    jobs[i].kind = i < n / 2 || j.kind != FAILURE ? VALUE : FAILURE;
    jobs[i].code = 1;
  }
  gate_force(1);
  cf_status status = cf_executor_map_into(pool, run, jobs, sizeof j, n, NULL, out, sizeof out[0],
                                          statuses, &error);
  gate_force(-1);
  CHECK((status == CF_OK) == (error == NULL));
  cf_error_free(error);
  if (status == CF_SHUTDOWN || (status == CF_CANCELLED && s->world->both)) return;
  CHECK(status == (j.kind == FAILURE && n > 0 ? CF_TASK_FAILED : CF_OK));
  for (size_t i = 0; i < n; i++) CHECK(statuses[i] != CF_OK || out[i] == j.value);
}

static int32_t body(cf_task *task, size_t begin, size_t end, void *ctx) {
  (void)task;
  atomic_fetch_add((atomic_size_t *)ctx, end - begin);
  return 0;
}

static void call_for_range(struct side *s) {
  atomic_size_t seen = 0;
  cf_executor *pool = pool_of(s);
  size_t n = next(s) * 4u, grain = next(s) % 16;
  gate_force(1);
  cf_status status = cf_executor_for_range(pool, 0, n, grain, body, &seen, NULL);
  gate_force(-1);
  CHECK(status == CF_OK ? seen == n : status == CF_SHUTDOWN && seen == 0);
}

/* ---------------------------------------------------------------- pools */

/* Seldom: what comes after it is refused. */
static void call_shutdown(struct side *s) {
  cf_executor *pool = pool_of(s);
  unsigned how = next(s);
  if (how % 8 != 0) return;
  gate_force(1);
  CHECK(cf_executor_shutdown(pool, (how & 8) != 0, (how & 16) != 0) == CF_OK);
  gate_force(-1);
}

static void call_join(struct side *s) {
  cf_executor *pool = pool_of(s);
  int64_t timeout = patience(s, true);
  gate_force(1);
  cf_status status = cf_executor_join(pool, timeout);
  gate_force(-1);
  CHECK(status == CF_OK || status == CF_INVALID_STATE ||
        (status == CF_TIMEOUT && timeout != CF_FOREVER));
}

static void call_gate(struct side *s) {
  gate_set(next(s) % 2 == 0, 0);
}

/* Whatever numbers: they are only read. */
static void call_texts(struct side *s) {
  int status = (int)(next(s) << 8 | next(s)) - 40;
  double seconds;
  uint8_t bytes[sizeof seconds];
  for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)next(s);
  memcpy(&seconds, bytes, sizeof seconds);
  CHECK(cf_status_name(status)[0] != '\0' && cf_status_message(status)[0] != '\0');
  CHECK((cf_seconds(seconds) < 0) == !(seconds >= 0)); /* so is NaN */
}

static void (*const calls[])(struct side *) = {
  call_submit,
  call_submit,
  call_submit,
  call_submit_owned,
  call_submit_many,
  call_result,
  call_result,
  call_look,
  call_cancel,
  call_callback,
  call_callback,
  call_user_data,
  call_share,
  call_release,
  call_by_hand,
  call_complete,
  call_complete,
  call_wait,
  call_wait,
  call_cancel_many,
  call_as_completed,
  call_completions_next,
  call_completions_next,
  call_completions_free,
  call_each,
  call_queue_add,
  call_queue_add,
  call_queue_next,
  call_queue_fd,
  call_queue_close,
  call_map,
  call_map_next,
  call_map_next,
  call_map_free,
  call_map_into,
  call_for_range,
  call_shutdown,
  call_join,
  call_gate,
  call_gate,
  call_texts,
};

void fuzz_call(struct side *side) {
  calls[next(side) % (sizeof calls / sizeof calls[0])](side);
}
