/*
 * Shows: what a running task can do. Its argument, the ways to give a result, failing, and what it
 * learns about its worker. Objects that a future owns are in task_objects.c.
 */
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t sizes[] = { 0, 1, 4, 15, 16, 17, 63, 64, 65, 1000, 4096, 1000000 };
enum { SIZES = sizeof sizes / sizeof sizes[0] };

static unsigned char byte_at(size_t i) {
  return (unsigned char)(i * 31 + i / 251);
}

static unsigned char *make_bytes(size_t size) {
  unsigned char *bytes = malloc(size + 1);
  ASSERT(bytes != NULL);
  for (size_t i = 0; i < size; i++) bytes[i] = byte_at(i);
  return bytes;
}

static cf_future *submit(cf_task_fn fn, const void *arg, size_t arg_size) {
  cf_future *f = NULL;
  ASSERT_OK(cf_executor_submit(ex, fn, arg, arg_size, &f));
  return f;
}

/* The result is these bytes, 16-byte aligned. Releases the future. */
static void expect_bytes(cf_future *f, const void *bytes, size_t size) {
  const void *data = NULL;
  size_t got = SIZE_MAX;
  ASSERT_OK(cf_future_result(f, CF_FOREVER, &data, &got));
  ASSERT_EQ_SIZE(size, got);
  ASSERT(data != NULL && (uintptr_t)data % 16 == 0);
  ASSERT(memcmp(bytes, data, size) == 0);
  cf_future_release(f);
}

/* ---------------------------------------------------------------- the argument */

/* Echoes its argument after having checked it; 2 means that it was not aligned. */
static int32_t echo_task(cf_task *task, void *arg, size_t arg_size) {
  if ((uintptr_t)arg % 16 != 0) return 2;
  return cf_task_return(task, arg, arg_size);
}

CF_TEST(arguments_and_results_of_any_size) {
  for (int i = 0; i < SIZES; i++) {
    unsigned char *bytes = make_bytes(sizes[i]);
    expect_bytes(submit(echo_task, bytes, sizes[i]), bytes, sizes[i]);
    free(bytes);
  }
}

struct gated_bytes {
  gate g;
  unsigned char bytes[100];
};

/* Waits at its gate, then overwrites its argument and returns what stood there. */
static int32_t scribble_task(cf_task *task, void *arg, size_t arg_size) {
  struct gated_bytes *mine = arg;
  unsigned char before[sizeof mine->bytes];
  ASSERT_EQ_SIZE(sizeof *mine, arg_size);
  gate_arrive(&mine->g, 0);
  gate_pass(&mine->g);
  memcpy(before, mine->bytes, sizeof before);
  memset(mine->bytes, 'x', sizeof mine->bytes);
  return cf_task_return(task, before, sizeof before);
}

/* The argument is copied by submit: caller and task may both write to theirs. */
CF_TEST(the_argument_is_the_tasks_own_copy) {
  struct gated_bytes theirs;
  unsigned char expected[sizeof theirs.bytes];
  theirs.g = gate_make();
  for (size_t i = 0; i < sizeof expected; i++) expected[i] = theirs.bytes[i] = byte_at(i);
  cf_future *f = submit(scribble_task, &theirs, sizeof theirs);
  memset(theirs.bytes, 'c', sizeof theirs.bytes);
  gate_await(&theirs.g, 1);
  gate_open(&theirs.g, 1);
  expect_bytes(f, expected, sizeof expected);
  for (size_t i = 0; i < sizeof theirs.bytes; i++) ASSERT_EQ_INT('c', theirs.bytes[i]);
  gate_close(&theirs.g);
}

static int32_t size_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  return cf_task_return(task, &arg_size, sizeof arg_size);
}

CF_TEST(an_empty_argument) {
  const size_t zero = 0;
  expect_bytes(submit(size_task, NULL, 0), &zero, sizeof zero);
  expect_bytes(submit(size_task, &zero, 0), &zero, sizeof zero);
}

/* ---------------------------------------------------------------- results */

static int32_t nothing_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  return 0;
}

CF_TEST(a_task_may_return_nothing) {
  cf_future *f = submit(nothing_task, NULL, 0);
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, NULL, 0));
  ASSERT_EQ_INT(CF_STATE_FINISHED, cf_future_state(f));
  ASSERT(cf_future_data(f, NULL) != NULL); /* it has succeeded, and its result is empty */
  expect_bytes(f, "", 0);
}

/* The result is copied: the task's memory may go or change. */
static int32_t transient_task(cf_task *task, void *arg, size_t arg_size) {
  char bytes[200];
  memset(bytes, 'r', sizeof bytes);
  ASSERT_EQ_SIZE(sizeof(size_t), arg_size);
  size_t size;
  memcpy(&size, arg, sizeof size);
  int32_t code = cf_task_return(task, bytes, size);
  memset(bytes, 'x', sizeof bytes);
  memset(arg, 'x', arg_size);
  return code;
}

CF_TEST(results_are_copied) {
  const size_t some[] = { 5, 16, 200 };
  char expected[200];
  memset(expected, 'r', sizeof expected);
  for (int i = 0; i < 3; i++)
    expect_bytes(submit(transient_task, &some[i], sizeof some[i]), expected, some[i]);
}

struct two_sizes {
  size_t first, second;
  bool first_in_place, second_in_place;
};

static int32_t give(cf_task *task, size_t size, bool in_place, unsigned char fill) {
  if (in_place) {
    unsigned char *buffer = cf_task_result_buffer(task, size);
    if (buffer == NULL || (uintptr_t)buffer % 16 != 0) return 2;
    memset(buffer, fill, size);
    return 0;
  }
  unsigned char *bytes = malloc(size + 1);
  ASSERT(bytes != NULL);
  memset(bytes, fill, size);
  int32_t code = cf_task_return(task, bytes, size);
  free(bytes);
  return code;
}

static int32_t twice_task(cf_task *task, void *arg, size_t arg_size) {
  const struct two_sizes *two = arg;
  ASSERT_EQ_SIZE(sizeof *two, arg_size);
  int32_t code = give(task, two->first, two->first_in_place, 1);
  return code != 0 ? code : give(task, two->second, two->second_in_place, 2);
}

/* A result replaces the one given before it, whichever way either was given. */
CF_TEST(the_last_result_counts) {
  const size_t some[] = { 0, 8, 16, 17, 5000 };
  unsigned char expected[5000];
  memset(expected, 2, sizeof expected);
  for (int i = 0; i < 5 * 5 * 4; i++) {
    struct two_sizes two;
    memset(&two, 0, sizeof two);
    two.first = some[i / 4 % 5];
    two.second = some[i / 20];
    two.first_in_place = (i & 1) != 0 && two.first > 0;
    two.second_in_place = (i & 2) != 0 && two.second > 0;
    expect_bytes(submit(twice_task, &two, sizeof two), expected, two.second);
  }
}

static int32_t in_place_task(cf_task *task, void *arg, size_t arg_size) {
  size_t size;
  ASSERT_EQ_SIZE(sizeof size, arg_size);
  memcpy(&size, arg, sizeof size);
  unsigned char *buffer = cf_task_result_buffer(task, size);
  if (buffer == NULL || (uintptr_t)buffer % 16 != 0) return 2;
  for (size_t i = 0; i < size; i++) buffer[i] = byte_at(i);
  return 0;
}

CF_TEST(results_written_in_place) {
  for (int i = 1; i < SIZES; i++) {
    unsigned char *bytes = make_bytes(sizes[i]);
    expect_bytes(submit(in_place_task, &sizes[i], sizeof sizes[i]), bytes, sizes[i]);
    free(bytes);
  }
}

/* ---------------------------------------------------------------- failing */

static int32_t code_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t code;
  (void)task;
  ASSERT_EQ_SIZE(sizeof code, arg_size);
  memcpy(&code, arg, sizeof code);
  return code;
}

static void expect_failure(cf_future *f, int32_t code, const char *message) {
  ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(f, CF_FOREVER, NULL, NULL));
  ASSERT_EQ_INT(CF_STATE_FAILED, cf_future_state(f));
  ASSERT_EQ_INT(code, cf_error_code(cf_future_error(f)));
  if (message != NULL)
    ASSERT_STR(message, cf_error_message(cf_future_error(f)));
  else
    ASSERT(cf_error_message(cf_future_error(f))[0] != '\0'); /* a general one */
  ASSERT(cf_future_data(f, NULL) == NULL);
  cf_future_release(f);
}

CF_TEST(any_other_value_fails_the_future_with_that_code) {
  const int32_t codes[] = { 1, -1, 255, 256, -300, INT32_MAX, INT32_MIN };
  for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
    expect_failure(submit(code_task, &codes[i], sizeof codes[i]), codes[i], NULL);
}

struct failing {
  int32_t code;     /* given to cf_task_fail */
  int32_t returned; /* by the task after it */
  bool with_message;
  bool result_before, result_after;
};

static int32_t fail_task(cf_task *task, void *arg, size_t arg_size) {
  const struct failing *how = arg;
  char message[] = "it went wrong";
  ASSERT_EQ_SIZE(sizeof *how, arg_size);
  if (how->result_before && cf_task_return(task, "before", 6) != 0) return 2;
  int32_t given = cf_task_fail(task, how->code, how->with_message ? message : NULL);
  memset(message, 'x', sizeof message - 1); /* the message has been copied */
  ASSERT_EQ_INT(how->code != 0 ? how->code : -1, given);
  if (how->result_after) cf_task_return(task, "after", 5);
  return how->returned;
}

static void run_failing(struct failing how, int32_t code) {
  expect_failure(submit(fail_task, &how, sizeof how), code,
                 how.with_message ? "it went wrong" : NULL);
}

/* cf_task_fail is final: what the task returns after it changes nothing. */
CF_TEST(fail_is_final) {
  const int32_t returned[] = { 7, 0, 9, -1 };
  for (int i = 0; i < 4; i++) {
    struct failing how = { 7, returned[i], true, false, false };
    run_failing(how, 7);
  }
}

/* 0 would mean success: it is recorded and returned as -1. */
CF_TEST(fail_with_code_0_fails_all_the_same) {
  struct failing how = { 0, 0, true, false, false };
  run_failing(how, -1);
}

CF_TEST(fail_without_a_message_has_one) {
  struct failing how = { 7, 7, false, false, false };
  run_failing(how, 7);
}

CF_TEST(a_failed_task_has_no_result) {
  for (int i = 1; i < 4; i++) {
    struct failing how = { 7, 7, true, (i & 1) != 0, (i & 2) != 0 };
    run_failing(how, 7);
  }
}

static int32_t long_message_task(cf_task *task, void *arg, size_t arg_size) {
  return cf_task_fail(task, (int32_t)arg_size, arg);
}

CF_TEST(messages_of_any_length) {
  const size_t lengths[] = { 0, 1, 15, 16, 100, 20000 };
  static char message[20001];
  for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
    memset(message, 'm', lengths[i]);
    message[lengths[i]] = '\0';
    cf_future *f = submit(long_message_task, message, lengths[i] + 1);
    ASSERT_STATUS(CF_TASK_FAILED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    ASSERT_STR(message, cf_error_message(cf_future_error(f)));
    cf_future_release(f);
  }
}

/* A failing task harms neither its worker nor the tasks after it (semantics of the thread pool:
 * what a task raises is stored, the worker survives). */
CF_TEST(a_worker_outlives_failing_tasks) {
  cf_executor *one = make_executor(1);
  size_t threads = thread_count();
  for (int32_t i = 1; i <= 50; i++) {
    cf_future *bad = submit_failure(one, i, "no"), *good = submit_value(one, i);
    ASSERT_VALUE(i, good);
    expect_failure(bad, i, "no");
    cf_future_release(good);
  }
  if (check_is_threads()) ASSERT_EQ_SIZE(threads + 1, thread_count());
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- where it runs */

struct place {
  size_t index;
  const void *context;
  uint32_t worker;
  char name[64];
};

static int32_t place_task(cf_task *task, void *arg, size_t arg_size) {
  struct place place;
  memset(&place, 0, sizeof place);
  if (arg_size == sizeof(gate)) {
    gate_arrive(arg, 0);
    gate_pass(arg);
  }
  place.index = cf_task_index(task);
  place.context = cf_task_context(task);
  place.worker = cf_task_worker(task);
  strncpy(place.name, cf_task_worker_name(task), sizeof place.name - 1);
  return cf_task_return(task, &place, sizeof place);
}

/* Workers are numbered from 0 in their pool and called <prefix>_<number>. */
CF_TEST(worker_index_and_name) {
  gate g = gate_make();
  struct place places[2];
  cf_future *fs[2];
  for (int i = 0; i < 2; i++) fs[i] = submit(place_task, &g, sizeof g);
  gate_await(&g, 2); /* both at once: two workers */
  gate_open(&g, 2);
  for (int i = 0; i < 2; i++) {
    char ending[16];
    ASSERT_OK(cf_future_result_into(fs[i], CF_FOREVER, &places[i], sizeof places[i]));
    ASSERT(places[i].worker < 2);
    snprintf(ending, sizeof ending, "_%u", (unsigned)places[i].worker);
    ASSERT_STR(ending, strrchr(places[i].name, '_'));
  }
  ASSERT(places[0].worker != places[1].worker);
  cf_futures_release(fs, 2);
  gate_close(&g);
}

CF_TEST(a_single_task_has_index_0_and_no_context) {
  struct place place;
  cf_future *f = submit(place_task, NULL, 0);
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &place, sizeof place));
  ASSERT_EQ_SIZE(0, place.index);
  ASSERT(place.context == NULL);
  cf_future_release(f);
}
