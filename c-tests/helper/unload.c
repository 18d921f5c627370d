/*
 * A program that is not linked with the library, as a plugin's host is not. It loads the library,
 * closes it again while workers run, and goes on to use what it has: the code stays where it is.
 *
 *   unload <libcfutures.so> threads
 *   unload <libcfutures.so> fork
 *
 * Run by CMakeLists.txt beside this file. Ends with a status other than 0 if anything differs; the
 * program crashes where code has gone.
 */
#define _GNU_SOURCE
#include <cfutures.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void expect(bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "not so: %s\n", what);
  _exit(1);
}

static void find(void *library, const char *name, void *place) {
  void *found = dlsym(library, name);
  expect(found != NULL, name);
  memcpy(place, &found, sizeof found);
}

/* p_<name>: that function of the library. */
#define FIND(name)                                                                                 \
  __typeof__(name) *p_##name = NULL;                                                               \
  find(library, #name, &p_##name)

static int32_t slow_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg_size;
  usleep(*(const useconds_t *)arg);
  return 7;
}

int main(int argc, char **argv) {
  expect(argc == 3, "two arguments");
  const useconds_t some_time = 50000;
  void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
  expect(library != NULL, "the library can be loaded");
  FIND(cf_thread_pool_new);
  FIND(cf_process_pool_new);
  FIND(cf_executor_submit);
  FIND(cf_future_result);
  FIND(cf_future_release);
  FIND(cf_executor_free);
  FIND(cf_worker_main);
  p_cf_worker_main();
  cf_executor *pool = NULL;
  cf_future *f[4];
  cf_status status = strcmp(argv[2], "threads") == 0 ? p_cf_thread_pool_new(2, &pool, NULL)
                                                     : p_cf_process_pool_new(2, &pool, NULL);
  expect(status == CF_OK, "a pool can be made");
  for (int i = 0; i < 4; i++)
    expect(p_cf_executor_submit(pool, slow_task, &some_time, sizeof some_time, &f[i]) == CF_OK,
           "a task can be submitted");
  expect(dlclose(library) == 0, "the library can be closed");
  for (int i = 0; i < 4; i++) {
    expect(p_cf_future_result(f[i], CF_FOREVER, NULL, NULL) == CF_TASK_FAILED, "tasks end");
    p_cf_future_release(f[i]);
  }
  p_cf_executor_free(pool);
  expect(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) != NULL, "it is still there");
  return 0;
}
