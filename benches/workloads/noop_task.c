/*
 * The no-op of the language bindings' rows, in a shared library: they submit C functions by name. It is
 * linked with the installed library, so that who loads it has that too.
 */
#include <cfutures.h>
#include <errno.h>
#include <string.h>

CF_API int32_t bench_noop_task(cf_task *task, void *arg, size_t arg_size);

/* uint64_t -> one more, uint64_t. */
int32_t bench_noop_task(cf_task *task, void *arg, size_t arg_size) {
  uint64_t n;
  if (arg_size != sizeof n) return cf_task_fail(task, EINVAL, "the argument is no number");
  memcpy(&n, arg, sizeof n);
  n++;
  return cf_task_return(task, &n, sizeof n);
}
