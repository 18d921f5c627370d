/*
 * The calls about one future that fuzz.c makes of bytes, and the tasks.
 *
 * Called by: fuzz_many.c. A side's futures are its own, the pools are shared.
 */
#include "fuzz.h"

#include <string.h>

unsigned next(struct side *s) {
  return s->at < s->end ? *s->at++ : 0;
}

struct slot *slot_of(struct side *s) {
  return &s->slots[next(s) % FUTURES];
}

cf_executor *pool_of(struct side *s) {
  return s->world->pools[next(s) % 2];
}

cf_completion_queue *queue_of(struct side *s) {
  return s->world->queues[next(s) % 2];
}

/* ---------------------------------------------------------------- tasks */

static int32_t work(cf_task *task, const job *j);

int32_t run(cf_task *task, void *arg, size_t arg_size) {
  job j;
  CHECK(arg_size >= sizeof j && (uintptr_t)arg % 16 == 0);
  memcpy(&j, arg, sizeof j);
  for (size_t i = sizeof j; i < arg_size; i++) CHECK(((uint8_t *)arg)[i] == (uint8_t)j.value);
  return work(task, &j);
}

static int32_t run_owned(cf_task *task, void *arg, size_t arg_size) {
  token *t = arg;
  CHECK(arg_size == 0);
  CHECK(atomic_fetch_add(&t->ran, 1) == 0);
  return cf_task_return(task, &t->value, sizeof t->value);
}

/* It submits to its own pool and waits for that; a pool that is shut down takes nothing. */
static int32_t nest(cf_task *task, const job *j) {
  job child = { j->value, 0, VALUE, NULL, j->world };
  cf_future *f = NULL;
  int32_t value = 0;
  cf_status status = cf_executor_submit(j->pool, run, &child, sizeof child, &f);
  if (status == CF_OK) {
    status = cf_future_result_into(f, CF_FOREVER, &value, sizeof value);
    CHECK(status == CF_OK ? value == j->value : status == CF_CANCELLED);
    cf_future_release(f);
  } else {
    CHECK(status == CF_SHUTDOWN);
  }
  return cf_task_return(task, &j->value, sizeof j->value);
}

static int32_t work(cf_task *task, const job *j) {
  switch (j->kind) {
  case FAILURE: return cf_task_fail(task, j->code, j->value % 2 == 0 ? NULL : "as was asked for");
  case NESTED: return nest(task, j);
  case OBJECT: return cf_task_return_owned(task, token_new(j->world, false), token_free);
  case LARGE: {
    int32_t *room = cf_task_result_buffer(task, sizeof *room * 100);
    CHECK(room != NULL && room[99] == 0);
    room[0] = room[99] = j->value;
    return 0;
  }
  case GATED: gate_pass(); break;
  default: break;
  }
  return cf_task_return(task, &j->value, sizeof j->value);
}

/* ---------------------------------------------------------------- futures */

/* A new future in place of what was there. */
struct slot *renew(struct side *s, cf_future *f) {
  struct slot *slot = slot_of(s);
  cf_future_release(slot->future);
  *slot = (struct slot){ .future = f };
  return slot;
}

job read_job(struct side *s, cf_executor *pool) {
  job j = { 0, 0, VALUE, pool, s->world };
  j.kind = (enum kind)(next(s) % KINDS);
  j.value = (int32_t)next(s);
  if (j.kind == FAILURE) j.code = j.value + 1;
  return j;
}

void call_submit(struct side *s) {
  cf_executor *pool = pool_of(s);
  uint8_t arg[sizeof(job) + 64];
  job j = read_job(s, pool);
  size_t size = sizeof j + next(s) % 65;
  cf_future *f = NULL;
  memset(arg, (uint8_t)j.value, sizeof arg);
  memcpy(arg, &j, sizeof j);
  cf_status status = cf_executor_submit(pool, run, arg, size, next(s) % 4 == 0 ? NULL : &f);
  CHECK(status == CF_OK || (status == CF_SHUTDOWN && f == NULL));
  struct slot *slot = renew(s, f);
  slot->is_object = j.kind == OBJECT;
  slot->value = j.value;
  slot->code = j.code;
}

void call_submit_owned(struct side *s) {
  token *t = token_new(s->world, false);
  cf_future *f = NULL;
  int32_t value = t->value = (int32_t)next(s);
  cf_status status = cf_executor_submit_owned(pool_of(s), run_owned, t, token_free, NULL, &f);
  CHECK(status == CF_OK || (status == CF_SHUTDOWN && f == NULL));
  renew(s, f)->value = value;
}

void call_submit_many(struct side *s) {
  cf_executor *pool = pool_of(s);
  job jobs[4];
  cf_future *futures[4];
  size_t n = next(s) % 5, submitted;
  job j = read_job(s, pool);
  for (size_t i = 0; i < 4; i++) jobs[i] = j;
  cf_status status = cf_executor_submit_many(pool, run, jobs, sizeof j, n, futures, &submitted);
  /* The other side may shut the pool down half-way. */
  CHECK(status == CF_OK ? submitted == n
                        : status == CF_SHUTDOWN && submitted <= (s->world->both ? n : 0));
  for (size_t i = 0; i < n; i++) {
    struct slot *slot = renew(s, futures[i]);
    slot->is_object = j.kind == OBJECT;
    slot->value = j.value;
    slot->code = j.code;
  }
}

static void expect_outcome(const struct slot *slot, cf_status status) {
  size_t size;
  const void *data = cf_future_data(slot->future, &size);
  const cf_error *error = cf_future_error(slot->future);
  cf_state state = cf_future_state(slot->future);
  if (status == CF_OK) {
    CHECK(state == CF_STATE_FINISHED && slot->code == 0 && data != NULL && error == NULL);
    CHECK(slot->is_object || size < 4 || *(const int32_t *)data == slot->value);
  } else {
    CHECK(status == (state == CF_STATE_CANCELLED ? CF_CANCELLED : CF_TASK_FAILED));
    CHECK(data == NULL && cf_error_status(error) == status);
    CHECK(cf_error_code(error) == (status == CF_CANCELLED ? 0 : slot->code));
  }
}

/* How long to wait for what this side has: without limit only for what a pool ends, and then nobody
 * may stop at the gate. */
int64_t patience(struct side *s, bool ends) {
  static const int64_t times[] = { 0, -1, SHORT, CF_FOREVER };
  int64_t timeout = times[next(s) % 4];
  return timeout == CF_FOREVER && !ends ? SHORT : timeout;
}

void call_result(struct side *s) {
  struct slot *slot = slot_of(s);
  int64_t timeout = patience(s, !slot->by_hand);
  int32_t value = 0;
  cf_status status;
  if (slot->future == NULL) return;
  gate_force(timeout == CF_FOREVER ? 1 : 0);
  switch (next(s) % 4) {
  case 0: status = cf_future_result(slot->future, timeout, NULL, NULL); break;
  case 1: status = cf_future_result_into(slot->future, timeout, &value, sizeof value); break;
  case 2: {
    void *object;
    status = cf_future_result_object(slot->future, timeout, &object);
    break;
  }
  default: {
    const cf_error *error;
    status = cf_future_exception(slot->future, timeout, &error);
    if (status == CF_OK) status = error == NULL ? CF_OK : cf_error_status(error);
    break;
  }
  }
  gate_force(timeout == CF_FOREVER ? -1 : 0);
  CHECK(status != CF_TIMEOUT || timeout != CF_FOREVER);
  if (status == CF_SIZE_MISMATCH || status == CF_INVALID_STATE)
    status = CF_OK; /* it has a result */
  if (status != CF_TIMEOUT) expect_outcome(slot, status);
}

void call_look(struct side *s) {
  cf_future *f = slot_of(s)->future;
  bool done = cf_future_done(f), cancelled = cf_future_cancelled(f), running = cf_future_running(f);
  cf_state state = cf_future_state(f);
  CHECK(!done || state >= CF_STATE_FINISHED);
  CHECK(cancelled == (done && state == CF_STATE_CANCELLED) || !done);
  CHECK(!running || !done);
}

void call_cancel(struct side *s) {
  cf_future *f = slot_of(s)->future;
  bool was_done = cf_future_done(f), is = cf_future_cancel(f);
  CHECK(is == cf_future_cancelled(f));
  CHECK(!is || cf_future_done(f));
  CHECK(f == NULL || is || was_done || cf_future_state(f) != CF_STATE_PENDING);
}

static void on_done(cf_future *f, void *data) {
  token *t = data;
  CHECK(cf_future_done(f));
  CHECK(atomic_fetch_add(&t->ran, 1) == 0);
}

static void on_done_again(cf_future *f, void *data) {
  token *t = data;
  on_done(f, data);
  CHECK(cf_future_add_done_callback(f, on_done, token_new(t->world, true), token_free) == CF_OK);
}

void call_callback(struct side *s) {
  struct slot *slot = slot_of(s);
  bool known = slot->future != NULL, again = next(s) % 4 == 0;
  token *t = token_new(s->world, known && !slot->by_hand);
  cf_status status =
      cf_future_add_done_callback(slot->future, again ? on_done_again : on_done, t, token_free);
  CHECK(status == (known ? CF_OK : CF_INVALID_ARGUMENT));
}

void call_user_data(struct side *s) {
  struct slot *slot = slot_of(s);
  token *t = token_new(s->world, false);
  cf_status status = cf_future_set_user_data(slot->future, t, token_free);
  if (status == CF_OK)
    CHECK(cf_future_user_data(slot->future) == t);
  else
    CHECK(status == (slot->future == NULL ? CF_INVALID_ARGUMENT : CF_INVALID_STATE));
}

void call_share(struct side *s) {
  struct slot from = *slot_of(s);
  cf_future *f = cf_future_retain(from.future);
  CHECK(f == from.future);
  *renew(s, f) = from;
}

void call_release(struct side *s) {
  cf_futures_release(&slot_of(s)->future, 1);
}

void call_by_hand(struct side *s) {
  cf_future *f;
  CHECK(cf_future_new(&f) == CF_OK);
  renew(s, f)->by_hand = true;
}

void call_complete(struct side *s) {
  struct slot *slot = slot_of(s);
  unsigned what = next(s);
  int32_t value = (int32_t)next(s);
  bool run_it, open = slot->by_hand && slot->future != NULL && !cf_future_done(slot->future);
  cf_status status, closed = slot->future == NULL ? CF_INVALID_ARGUMENT : CF_INVALID_STATE;
  switch (what % 3) {
  case 0:
    status = cf_future_set_running_or_notify_cancel(slot->future, &run_it);
    CHECK(status == CF_OK || (status == closed && !run_it));
    return;
  case 1:
    status = cf_future_set_result(slot->future, &value, sizeof value);
    CHECK(status == (open ? CF_OK : closed));
    break;
  default:
    status = cf_future_set_exception(slot->future, value + 1, NULL);
    CHECK(status == (open ? CF_OK : closed));
    break;
  }
  if (open) {
    /* Shared slots name the same future. */
    for (size_t i = 0; i < FUTURES; i++) {
      if (s->slots[i].future != slot->future) continue;
      s->slots[i].value = value;
      s->slots[i].code = what % 3 == 1 ? 0 : value + 1;
    }
  }
}
