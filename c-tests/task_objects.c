/*
 * Shows: a result that is an object owned by the future (cf_task_return_owned): who sees it, when
 * its destroy function runs, and that this happens exactly once on every path. Thread pools only.
 */
#include "check.h"

#include <string.h>

static const char reason[] = "an object cannot cross to another process";

/* How an object-giving task ends. */
enum ending {
  SUCCEEDS,
  RETURNS_A_CODE,
  FAILS_AFTER,
  FAILS_BEFORE,
  BYTES_AFTER,
  BYTES_BEFORE,
  TWICE
};

struct script {
  enum ending ending;
  int *first, *second; /* the objects: counters of their own destruction */
};

static int32_t object_task(cf_task *task, void *arg, size_t arg_size) {
  const struct script *script = arg;
  ASSERT_EQ_SIZE(sizeof *script, arg_size);
  if (script->ending == FAILS_BEFORE) cf_task_fail(task, 3, "before");
  if (script->ending == BYTES_BEFORE && cf_task_return(task, "bytes", 5) != 0) return 2;
  int32_t code = cf_task_return_owned(task, script->first, count_destroy);
  if (code != 0 || script->ending == FAILS_BEFORE) return code;
  switch (script->ending) {
  case RETURNS_A_CODE: return 4;
  case FAILS_AFTER: return cf_task_fail(task, 3, "after");
  case BYTES_AFTER: return cf_task_return(task, "bytes", 5);
  case TWICE: return cf_task_return_owned(task, script->second, count_destroy);
  default: return 0;
  }
}

struct objects {
  int first, second;
};

/* Submits, waits until the pool has dropped its own references, and gives the future. */
static cf_future *run_script(enum ending ending, struct objects *objects) {
  struct script script;
  memset(&script, 0, sizeof script);
  script.ending = ending;
  script.first = &objects->first;
  script.second = &objects->second;
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, object_task, &script, sizeof script, &f));
  cf_executor_free(ex);
  ex = NULL;
  ASSERT(cf_future_done(f));
  return f;
}

CF_TEST(the_future_owns_the_object) {
  CF_THREADS_ONLY(reason);
  struct objects objects = { 0, 0 };
  void *object = NULL;
  const void *data = NULL;
  size_t size = 77;
  cf_future *f = run_script(SUCCEEDS, &objects);
  ASSERT_OK(cf_future_result_object(f, CF_FOREVER, &object));
  ASSERT_EQ_PTR(&objects.first, object);
  ASSERT_OK(cf_future_result(f, 0, &data, &size));
  ASSERT_EQ_PTR(&objects.first, data);
  ASSERT_EQ_SIZE(0, size);
  ASSERT_EQ_INT(0, objects.first); /* borrowed: still alive */
  cf_future_retain(f);
  cf_future_release(f);
  ASSERT_EQ_INT(0, objects.first);
  cf_future_release(f);
  ASSERT_EQ_INT(1, objects.first);
}

CF_TEST(a_failing_task_drops_its_object) {
  CF_THREADS_ONLY(reason);
  const struct {
    enum ending ending;
    int32_t code;
  } failures[] = { { RETURNS_A_CODE, 4 }, { FAILS_AFTER, 3 }, { FAILS_BEFORE, 3 } };
  for (int i = 0; i < 3; i++) {
    struct objects objects = { 0, 0 };
    void *object = NULL;
    if (ex == NULL) ex = make_executor(2);
    cf_future *f = run_script(failures[i].ending, &objects);
    ASSERT_STATUS(CF_TASK_FAILED, cf_future_result_object(f, CF_FOREVER, &object));
    ASSERT(object == NULL);
    ASSERT_EQ_INT(failures[i].code, cf_error_code(cf_future_error(f)));
    cf_future_release(f);
    ASSERT_EQ_INT(1, objects.first);
  }
}

CF_TEST(bytes_replace_an_object) {
  CF_THREADS_ONLY(reason);
  struct objects objects = { 0, 0 };
  char bytes[5];
  void *object = NULL;
  cf_future *f = run_script(BYTES_AFTER, &objects);
  ASSERT_OK(cf_future_result_into(f, 0, bytes, sizeof bytes));
  ASSERT(memcmp(bytes, "bytes", 5) == 0);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_result_object(f, 0, &object));
  ASSERT(object == NULL);
  cf_future_release(f);
  ASSERT_EQ_INT(1, objects.first);
}

CF_TEST(an_object_replaces_bytes) {
  CF_THREADS_ONLY(reason);
  struct objects objects = { 0, 0 };
  void *object = NULL;
  cf_future *f = run_script(BYTES_BEFORE, &objects);
  ASSERT_OK(cf_future_result_object(f, 0, &object));
  ASSERT_EQ_PTR(&objects.first, object);
  cf_future_release(f);
  ASSERT_EQ_INT(1, objects.first);
}

CF_TEST(an_object_replaces_an_object) {
  CF_THREADS_ONLY(reason);
  struct objects objects = { 0, 0 };
  void *object = NULL;
  cf_future *f = run_script(TWICE, &objects);
  ASSERT_EQ_INT(1, objects.first);
  ASSERT_OK(cf_future_result_object(f, 0, &object));
  ASSERT_EQ_PTR(&objects.second, object);
  ASSERT_EQ_INT(0, objects.second);
  cf_future_release(f);
  ASSERT_EQ_INT(1, objects.first);
  ASSERT_EQ_INT(1, objects.second);
}

/* Bytes are no object: the future keeps them, and the call says so. */
CF_TEST(a_byte_result_is_no_object) {
  void *object = NULL;
  cf_future *f = submit_value(ex, 5);
  ASSERT_STATUS(CF_INVALID_STATE, cf_future_result_object(f, CF_FOREVER, &object));
  ASSERT(object == NULL);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

CF_TEST(waiting_for_an_object) {
  void *object = NULL;
  gate g = gate_make();
  cf_future *f = submit_gated(ex, &g, 5);
  gate_await(&g, 1);
  const int64_t expired[] = { 0, -1, INT64_MIN, 1000 };
  for (int i = 0; i < 4; i++) {
    ASSERT_STATUS(CF_TIMEOUT, cf_future_result_object(f, expired[i], &object));
    ASSERT(object == NULL);
  }
  gate_open(&g, 1);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
  cf_future *bad = submit_failure(ex, 3, "three");
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result_object(bad, CF_FOREVER, &object));
  cf_future_release(bad);
  gate_close(&g);
}

static int32_t borrowed_object_task(cf_task *task, void *arg, size_t arg_size) {
  int *object;
  ASSERT_EQ_SIZE(sizeof object, arg_size);
  memcpy(&object, arg, sizeof object);
  return cf_task_return_owned(task, object, NULL);
}

CF_TEST(an_object_may_need_no_destroy) {
  CF_THREADS_ONLY(reason);
  int object = 41, *pointer = &object;
  void *got = NULL;
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, borrowed_object_task, &pointer, sizeof pointer, &f));
  ASSERT_OK(cf_future_result_object(f, CF_FOREVER, &got));
  ASSERT_EQ_PTR(&object, got);
  cf_future_release(f);
  ASSERT_EQ_INT(41, object);
}

/* The object of a future that nobody holds is destroyed too. */
CF_TEST(an_object_that_nobody_waits_for) {
  CF_THREADS_ONLY(reason);
  struct objects objects = { 0, 0 };
  struct script script;
  memset(&script, 0, sizeof script);
  script.first = &objects.first;
  script.second = &objects.second;
  ASSERT_OK(cf_executor_submit(ex, object_task, &script, sizeof script, NULL));
  cf_executor_free(ex);
  ex = NULL;
  ASSERT_EQ_INT(1, objects.first);
}
