#include <cfutures.h>
/*
 * Shows: the header needs nothing before it, can be included twice and in two files of one program,
 * and says the same in C and in C++. Compiled in every standard by compile.cmake; second.c is the
 * other file. The subset of C in both is also C++.
 */
#include <cfutures.h>

int header_in_second_file(void);
int32_t header_task(cf_task *task, void *arg, size_t arg_size);

/* Constants must be usable where the language wants constants. */
typedef char forever_is_a_constant[CF_FOREVER > 0 ? 1 : -1];
typedef char repeat_is_a_constant[CF_REPEAT > 0 ? 1 : -1];
typedef char ok_is_zero[CF_OK == 0 ? 1 : -1];
#if CF_VERSION_MAJOR < 0 || CF_VERSION_MINOR < 0 || CF_VERSION_PATCH < 0
#error "the version is not known to the preprocessor"
#endif

static int use_types(void) {
  const int64_t forever = CF_FOREVER;
  const size_t repeat = CF_REPEAT;
  cf_array array = { 0, 0, 0, 0, 0 };
  cf_item item = { 0, CF_OK, 0, 0, 0 };
  cf_task_fn task = header_task;
  cf_done_fn done = 0;
  cf_each_fn each = 0;
  cf_range_fn range = 0;
  cf_free_fn destroy = 0;
  array.count = repeat;
  item.index = 1;
  return forever > 0 && array.count == repeat && item.index == 1 && task != 0 && done == 0 &&
         each == 0 && range == 0 && destroy == 0;
}

/* Calls through the library: the declarations have C linkage. */
static int use_library(void) {
  cf_executor *executor = 0;
  cf_future *future = 0;
  int32_t value = 20, result = 0;
  if (cf_thread_pool_new(1, &executor, 0) != CF_OK) return 0;
  int fine = cf_executor_submit(executor, header_task, &value, sizeof value, &future) == CF_OK &&
             cf_future_result_into(future, CF_FOREVER, &result, sizeof result) == CF_OK &&
             result == 21;
  cf_future_release(future);
  cf_executor_free(executor);
  return fine;
}

int main(void) {
  return use_types() && use_library() && header_in_second_file() ? 0 : 1;
}
