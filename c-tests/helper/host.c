/*
 * A program that never calls cf_worker_main(), and has a thread of its own: its pools are spawned,
 * and need the helper.
 *
 *   host library               functions of shared libraries work, those of this program are refused
 *   host named <program>       the same through cf_options_set_worker_program()
 *   host is <program>          the workers of a default pool run that program
 *   host none                  no worker program can be found: no pool, and the error says what to do
 *   host unfit <program>       a worker program that does not serve: no pool, and the error says why
 *
 * Run by CMakeLists.txt beside this file, with the helper of the build tree, and by the check
 * "install", with the one that is installed. Ends with a status other than 0 if anything differs.
 */
#define _XOPEN_SOURCE 700
#include <cfutures.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of harness/module.c. */
int32_t module_double(cf_task *task, void *arg, size_t arg_size);
int32_t module_program(cf_task *task, void *arg, size_t arg_size);

#define EXPECT(condition) expect((condition), __LINE__, #condition)

static void expect(bool condition, int line, const char *text) {
  if (condition) return;
  fprintf(stderr, "host.c:%d: not true: %s\n", line, text);
  exit(1);
}

static int32_t own_task(cf_task *task, void *arg, size_t arg_size) {
  return cf_task_return(task, arg, arg_size);
}

static cf_status make_pool(int method, const char *program, cf_task_fn initializer,
                           cf_executor **pool, cf_error **error) {
  cf_options *options;
  EXPECT(cf_options_new(&options) == CF_OK);
  EXPECT(cf_options_set_max_workers(options, 2) == CF_OK);
  EXPECT(cf_options_set_start_method(options, method) == CF_OK);
  if (program != NULL) EXPECT(cf_options_set_worker_program(options, program) == CF_OK);
  if (initializer != NULL)
    EXPECT(cf_options_set_initializer(options, initializer, NULL, 0) == CF_OK);
  cf_status status = cf_process_pool_new_with(options, pool, error);
  cf_options_free(options);
  return status;
}

static cf_executor *pool_of(const char *program) {
  cf_executor *pool;
  cf_error *error;
  cf_status status = make_pool(CF_START_AUTO, program, NULL, &pool, &error);
  if (status != CF_OK) fprintf(stderr, "%s\n", cf_error_message(error));
  EXPECT(status == CF_OK);
  return pool;
}

/* The file that the workers run, in `program`. */
static void read_program(cf_executor *pool, char program[PATH_MAX]) {
  cf_future *future;
  const void *path;
  size_t size;
  EXPECT(cf_executor_submit(pool, module_program, NULL, 0, &future) == CF_OK);
  EXPECT(cf_future_result(future, CF_FOREVER, &path, &size) == CF_OK && size < PATH_MAX);
  memcpy(program, path, size);
  program[size] = '\0';
  cf_future_release(future);
}

static void expect_program(cf_executor *pool, const char *expected) {
  char program[PATH_MAX], resolved[PATH_MAX];
  read_program(pool, program);
  EXPECT(realpath(expected, resolved) != NULL);
  if (strcmp(program, resolved) != 0) fprintf(stderr, "the workers run %s\n", program);
  EXPECT(strcmp(program, resolved) == 0);
}

static void expect_helper_pool(cf_executor *pool) {
  int32_t numbers[100], doubles[100];
  for (int i = 0; i < 100; i++) numbers[i] = i;
  EXPECT(cf_executor_map_into(pool, module_double, numbers, 4, 100, NULL, doubles, 4, NULL, NULL) ==
         CF_OK);
  for (int i = 0; i < 100; i++) EXPECT(doubles[i] == 2 * i);

  cf_future *future;
  cf_status status = cf_executor_submit(pool, own_task, numbers, 4, &future);
  EXPECT(status == CF_UNKNOWN_FUNCTION && future == NULL);
  EXPECT(strstr(cf_status_message(status), "cf_register_task") != NULL);
}

static void library(const char *program) {
  cf_executor *pool = pool_of(program);
  char path[PATH_MAX];
  read_program(pool, path);
  const char *name = strrchr(path, '/');
  EXPECT(program != NULL || (name != NULL && strcmp(name, "/cfutures-worker") == 0));
  if (program != NULL) expect_program(pool, program);
  expect_helper_pool(pool);
  cf_executor_free(pool);

  cf_error *error;
  EXPECT(make_pool(CF_START_SPAWN, program, own_task, &pool, &error) == CF_UNKNOWN_FUNCTION);
  EXPECT(pool == NULL && cf_error_message(error)[0] != '\0');
  cf_error_free(error);
}

static void expect_no_pool(const char *program, int status, const char *const *words) {
  cf_executor *pool;
  cf_error *error;
  EXPECT((int)make_pool(CF_START_AUTO, program, NULL, &pool, &error) == status && pool == NULL);
  for (; *words != NULL; words++) {
    if (strstr(cf_error_message(error), *words) == NULL)
      fprintf(stderr, "no '%s' in: %s\n", *words, cf_error_message(error));
    EXPECT(strstr(cf_error_message(error), *words) != NULL);
  }
  cf_error_free(error);
}

static void *stay_asleep(void *never) {
  pthread_mutex_lock(never);
  pthread_mutex_unlock(never);
  return NULL;
}

int main(int argc, char **argv) {
  static const char *const advice[] = { "cf_worker_main()", "cfutures-worker",
                                        "cf_options_set_worker_program()", "before any threads",
                                        NULL };
  static pthread_mutex_t never = PTHREAD_MUTEX_INITIALIZER;
  pthread_t thread;
  const char *test = argc > 1 ? argv[1] : "", *program = argc > 2 ? argv[2] : NULL;
  pthread_mutex_lock(&never);
  EXPECT(pthread_create(&thread, NULL, stay_asleep, &never) == 0);
  if (strcmp(test, "library") == 0) {
    library(NULL);
  } else if (strcmp(test, "named") == 0) {
    library(program);
  } else if (strcmp(test, "is") == 0) {
    cf_executor *pool = pool_of(NULL);
    expect_program(pool, program);
    cf_executor_free(pool);
  } else if (strcmp(test, "none") == 0) {
    expect_no_pool(NULL, CF_UNSUPPORTED, advice);
    expect_no_pool("/no/such/program", CF_UNSUPPORTED,
                   (const char *[]){ "/no/such/program", "cannot be executed", NULL });
  } else if (strcmp(test, "unfit") == 0) {
    expect_no_pool(program, CF_OS_ERROR, (const char *[]){ program, "cf_worker_main()", NULL });
  } else {
    fprintf(stderr, "unknown test '%s'\n", test);
    return 2;
  }
  pthread_mutex_unlock(&never);
  pthread_join(thread, NULL);
  return 0;
}
