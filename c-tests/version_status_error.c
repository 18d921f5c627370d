/*
 * Shows: version, status names and messages, the neutral answers of cf_error for NULL, errors that
 * calls hand out, and the conversion of seconds.
 */
#include "check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

CF_TEST_PLAIN(version_of_header_and_library_agree) {
  uint32_t version = cf_version();
  ASSERT_EQ_INT(CF_VERSION_MAJOR, version >> 16);
  ASSERT_EQ_INT(CF_VERSION_MINOR, (version >> 8) & 255);
  ASSERT_EQ_INT(CF_VERSION_PATCH, version & 255);
  char text[32];
  snprintf(text, sizeof text, "%d.%d.%d", CF_VERSION_MAJOR, CF_VERSION_MINOR, CF_VERSION_PATCH);
  ASSERT_STR(text, cf_version_string());
}

/* Part of the binary interface: a number is never given another meaning. */
static const struct {
  int number;
  int status;
  const char *name;
} codes[] = {
  { 0, CF_OK, "CF_OK" },
  { -1, CF_TIMEOUT, "CF_TIMEOUT" },
  { -2, CF_CANCELLED, "CF_CANCELLED" },
  { -3, CF_TASK_FAILED, "CF_TASK_FAILED" },
  { -4, CF_WORKER_DIED, "CF_WORKER_DIED" },
  { -5, CF_BROKEN_POOL, "CF_BROKEN_POOL" },
  { -6, CF_SHUTDOWN, "CF_SHUTDOWN" },
  { -7, CF_DEADLINE, "CF_DEADLINE" },
  { -8, CF_DEADLOCK, "CF_DEADLOCK" },
  { -9, CF_WOULD_BLOCK, "CF_WOULD_BLOCK" },
  { -10, CF_END, "CF_END" },
  { -11, CF_INVALID_ARGUMENT, "CF_INVALID_ARGUMENT" },
  { -12, CF_INVALID_STATE, "CF_INVALID_STATE" },
  { -13, CF_FORKED, "CF_FORKED" },
  { -14, CF_NO_MEMORY, "CF_NO_MEMORY" },
  { -15, CF_OS_ERROR, "CF_OS_ERROR" },
  { -16, CF_UNSUPPORTED, "CF_UNSUPPORTED" },
  { -17, CF_PANIC, "CF_PANIC" },
  { -18, CF_SIZE_MISMATCH, "CF_SIZE_MISMATCH" },
  { -19, CF_UNKNOWN_FUNCTION, "CF_UNKNOWN_FUNCTION" },
};
enum { CODES = sizeof codes / sizeof codes[0] };

CF_TEST_PLAIN(status_numbers_and_names) {
  for (int i = 0; i < CODES; i++) {
    ASSERT_EQ_INT(codes[i].number, codes[i].status);
    ASSERT_STR(codes[i].name, cf_status_name(codes[i].number));
  }
}

CF_TEST_PLAIN(status_messages_differ) {
  for (int i = 0; i < CODES; i++) {
    const char *message = cf_status_message(codes[i].number);
    ASSERT(message != NULL && message[0] != '\0');
    ASSERT_EQ_PTR(message, cf_status_message(codes[i].number)); /* static */
    for (int j = 0; j < i; j++) ASSERT(strcmp(message, cf_status_message(codes[j].number)) != 0);
  }
}

CF_TEST_PLAIN(unknown_status_has_a_name_and_a_message) {
  const int unknown[] = { 1, 7, -20, -1000, INT32_MAX, INT32_MIN };
  for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
    ASSERT(cf_status_name(unknown[i]) != NULL && cf_status_name(unknown[i])[0] != '\0');
    ASSERT(cf_status_message(unknown[i]) != NULL && cf_status_message(unknown[i])[0] != '\0');
    for (int j = 0; j < CODES; j++) ASSERT(strcmp(codes[j].name, cf_status_name(unknown[i])) != 0);
  }
}

CF_TEST_PLAIN(state_numbers) {
  ASSERT_EQ_INT(0, CF_STATE_PENDING);
  ASSERT_EQ_INT(1, CF_STATE_RUNNING);
  ASSERT_EQ_INT(2, CF_STATE_FINISHED);
  ASSERT_EQ_INT(3, CF_STATE_FAILED);
  ASSERT_EQ_INT(4, CF_STATE_CANCELLED);
  ASSERT_EQ_INT(0, CF_ALL_COMPLETED);
  ASSERT_EQ_INT(1, CF_FIRST_COMPLETED);
  ASSERT_EQ_INT(2, CF_FIRST_EXCEPTION);
}

/* ---------------------------------------------------------------- errors */

CF_TEST_PLAIN(no_error_reads_as_success) {
  ASSERT_STATUS(CF_OK, cf_error_status(NULL));
  ASSERT_EQ_INT(0, cf_error_code(NULL));
  ASSERT_STR("", cf_error_message(NULL));
  ASSERT_EQ_INT(0, cf_error_pid(NULL));
  ASSERT_EQ_INT(0, cf_error_signal(NULL));
  ASSERT_EQ_INT(-1, cf_error_exit_code(NULL));
  ASSERT_EQ_SIZE(0, cf_error_index(NULL));
  cf_error_free(NULL);
}

CF_TEST_PLAIN(a_failing_constructor_hands_out_an_error) {
  char place;
  cf_executor *executor = (cf_executor *)(void *)&place; /* must be NULL after the failure */
  cf_error *error = NULL;
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_thread_pool_new(SIZE_MAX, &executor, &error));
  ASSERT(executor == NULL);
  ASSERT(error != NULL);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_error_status(error));
  ASSERT(cf_error_message(error)[0] != '\0');
  ASSERT_EQ_INT(0, cf_error_pid(error));
  ASSERT_EQ_INT(0, cf_error_signal(error));
  ASSERT_EQ_INT(-1, cf_error_exit_code(error));
  cf_error_free(error);
}

CF_TEST_PLAIN(a_successful_constructor_hands_out_no_error) {
  cf_executor *executor = NULL;
  char place = 0;
  cf_error *error = (cf_error *)(void *)&place; /* what stood there before must not survive */
  ASSERT_OK(cf_thread_pool_new(1, &executor, &error));
  ASSERT(executor != NULL);
  ASSERT(error == NULL);
  cf_executor_free(executor);
}

/* ---------------------------------------------------------------- time */

CF_TEST_PLAIN(seconds_become_nanoseconds) {
  ASSERT(cf_seconds(0.0) == 0);
  ASSERT(cf_seconds(1.0) == 1000000000);
  ASSERT(cf_seconds(1.5) == 1500000000);
  ASSERT(cf_seconds(0.25) == 250000000);
  ASSERT(cf_seconds(3600.0) == INT64_C(3600000000000));
  int64_t nano = cf_seconds(1e-9);
  ASSERT(nano == 1);
}

/* CPython raises OverflowError for huge timeouts and infinity: here they saturate. */
CF_TEST_PLAIN(huge_seconds_saturate) {
  ASSERT(CF_FOREVER == INT64_MAX);
  ASSERT(cf_seconds(1e10) == CF_FOREVER);
  ASSERT(cf_seconds(1e300) == CF_FOREVER);
  ASSERT(cf_seconds((double)INFINITY) == CF_FOREVER);
  ASSERT(cf_seconds(9e9) < CF_FOREVER);
}

CF_TEST_PLAIN(negative_seconds_and_nan_are_expired) {
  ASSERT(cf_seconds(-1.0) < 0);
  ASSERT(cf_seconds(-1e300) < 0);
  ASSERT(cf_seconds(-(double)INFINITY) < 0);
  ASSERT(cf_seconds((double)NAN) < 0);
}

CF_TEST_PLAIN(an_expired_wait_is_never_an_endless_one) {
  const double times[] = { 0.0, -1.0, -1e300, -(double)INFINITY, (double)NAN };
  cf_future *future = NULL;
  ASSERT_OK(cf_future_new(&future));
  for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
    ASSERT_STATUS(CF_TIMEOUT, cf_future_result(future, cf_seconds(times[i]), NULL, NULL));
  cf_future_release(future);
}
