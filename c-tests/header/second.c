#include <cfutures.h>
/* The second file of the program in first.c: what the header defines may be defined twice. */

int header_in_second_file(void);
int32_t header_task(cf_task *task, void *arg, size_t arg_size);

int32_t header_task(cf_task *task, void *arg, size_t arg_size) {
  int32_t next = *(int32_t *)arg + 1;
  if (arg_size != sizeof next) return 1;
  return cf_task_return(task, &next, sizeof next);
}

int header_in_second_file(void) {
  const uint32_t version = CF_VERSION_MAJOR << 16 | CF_VERSION_MINOR << 8 | CF_VERSION_PATCH;
  const bool same = cf_version() == version;
  return same && cf_status_name(CF_TIMEOUT) != 0 && cf_seconds(1.0) == 1000000000;
}
