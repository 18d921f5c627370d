/*
 * A host and its worker program, each of some version of the library. A suite as those in c-tests; the check
 * "versions" (cmake/checks-package.sh) links it with libraries of two versions, and names the worker program in
 * CFUTURES_TEST_PROGRAM:
 *
 *   host spawn same_version       the program's workers do this program's tasks
 *   host spawn another_version    it is refused, the error says which program and why, and nothing is left
 */
#define _GNU_SOURCE
#include "processes.h"

/* Workers of another program know this program's tasks by name, if that one registers them: this file again. */
__attribute__((constructor)) static void register_tasks(void) {
  ASSERT_OK(cf_register_task("cfutures-test.value", value_task));
}

static const char *other_program(void) {
  const char *program = getenv("CFUTURES_TEST_PROGRAM");
  ASSERT(program != NULL);
  return program;
}

/* That the two are refused for nothing but their versions. */
CF_TEST_PLAIN(same_version) {
  cf_executor *executor = NULL;
  ASSERT_OK(make_with_program(other_program(), &executor, NULL));
  expect_works(executor);
  cf_executor_free(executor);
}

/* Again and again, beside a pool that works: what one attempt leaves behind, the harness finds. */
CF_TEST(another_version) {
  char place;
  for (int i = 0; i < 5; i++) {
    cf_executor *executor = (cf_executor *)(void *)&place;
    cf_error *error = NULL;
    ASSERT_STATUS(CF_UNSUPPORTED, make_with_program(other_program(), &executor, &error));
    ASSERT(executor == NULL);
    ASSERT_STATUS(CF_UNSUPPORTED, cf_error_status(error));
    ASSERT_CONTAINS(other_program(), cf_error_message(error));
    ASSERT_CONTAINS("another version of the library", cf_error_message(error));
    cf_error_free(error);
    expect_works(ex);
  }
}
