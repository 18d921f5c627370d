/*
 * Shows: which functions a pool of processes can call: of the program, of a library loaded before
 * or after the workers have started, and registered ones; that any other address is
 * CF_UNKNOWN_FUNCTION at once, never a crash; and that a library whose file has been replaced is
 * refused by workers that have not loaded it, which never run what stands there now.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

/* ---------------------------------------------------------------- registered functions
 * Made and registered before main, so in a spawned worker as well, there at another address. */

#if defined(__x86_64__)
static const unsigned char return_7[] = { 0xb8, 7, 0, 0, 0, 0xc3 };
#elif defined(__aarch64__)
static const unsigned char return_7[] = { 0xe0, 0, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 };
#else
#error "add the machine code of: return 7"
#endif

/* Code that no loader knows: returns 7. */
static cf_task_fn make_code(void) {
  cf_task_fn fn;
  void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT(page != MAP_FAILED);
  memcpy(page, return_7, sizeof return_7);
  ASSERT(mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0);
  __builtin___clear_cache((char *)page, (char *)page + sizeof return_7);
  memcpy(&fn, &page, sizeof fn); /* pedantic C knows no cast from data to code */
  return fn;
}

static int32_t registered_task(cf_task *task, void *arg, size_t arg_size) {
  return value_task(task, arg, arg_size);
}

static cf_task_fn registered_code;
static cf_status registered[2];

__attribute__((constructor)) static void register_tasks(void) {
  if (getenv("CF_TEST_KIND") == NULL) return; /* the program will start itself anew */
  registered_code = make_code();
  registered[0] = cf_register_task("return_7", registered_code);
  registered[1] = cf_register_task("registered_task", registered_task);
}

static void expect_7(cf_executor *executor, cf_task_fn fn) {
  cf_future *f = submit_bytes(executor, fn, NULL, 0);
  ASSERT_EQ_INT(7, cf_error_code(expect_error(CF_TASK_FAILED, f)));
  cf_future_release(f);
}

/* A stable name for a function that no loader can name. */
CF_TEST(registered_functions) {
  ASSERT_OK(registered[0]);
  ASSERT_OK(registered[1]);
  for (int i = 0; i < 5; i++) expect_7(ex, registered_code);
  const int32_t value = 5;
  cf_future *f = submit_bytes(ex, registered_task, &value, sizeof value);
  ASSERT_VALUE(5, f);
  cf_future_release(f);
}

CF_TEST_PLAIN(registering_checks_its_arguments) {
  static char longest[100000];
  memset(longest, 'n', sizeof longest - 1);
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_register_task(NULL, value_task));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_register_task("", value_task));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_register_task("no function", NULL));
  ASSERT_STATUS(CF_INVALID_ARGUMENT, cf_register_task(longest, value_task));
  ASSERT_OK(cf_register_task("registered_task", registered_task)); /* the same again */
  ASSERT_STATUS(CF_INVALID_STATE, cf_register_task("registered_task", value_task));
}

/* ---------------------------------------------------------------- unknown functions */

static void expect_unknown(cf_executor *executor, cf_task_fn fn) {
  char place;
  const int32_t values[2] = { 1, 2 };
  cf_future *f = (cf_future *)(void *)&place, *fs[2];
  cf_map *map = (cf_map *)(void *)&place;
  size_t submitted = 77;
  ASSERT_STATUS(CF_UNKNOWN_FUNCTION, cf_executor_submit(executor, fn, values, 4, &f));
  ASSERT(f == NULL);
  ASSERT_STATUS(CF_UNKNOWN_FUNCTION,
                cf_executor_submit_many(executor, fn, values, 4, 2, fs, &submitted));
  ASSERT_EQ_SIZE(0, submitted);
  ASSERT_STATUS(CF_UNKNOWN_FUNCTION, cf_executor_map(executor, fn, values, 4, 2, NULL, &map));
  ASSERT(map == NULL);
}

/* Under fork a worker may even have the same bytes there: by chance is not good enough. */
CF_TEST_PLAIN(code_that_no_loader_knows_is_refused) {
  cf_task_fn code = make_code();
  cf_executor *one = make_executor(1);
  expect_unknown(one, code);
  expect_7(one, registered_code);
  expect_works(one);
  cf_executor_free(one);
}

CF_TEST(addresses_of_nothing_are_refused) {
  const uintptr_t addresses[] = { 1, 4096, UINTPTR_MAX, (uintptr_t)addresses };
  for (size_t i = 0; i < LENGTH(addresses); i++) {
    cf_task_fn fn;
    memcpy(&fn, &addresses[i], sizeof fn);
    expect_unknown(ex, fn);
  }
  expect_works(ex);
}

/* An initializer is a function like any other. */
CF_TEST_PLAIN(an_unknown_initializer_is_refused) {
  cf_executor *executor = NULL;
  cf_error *error = NULL;
  cf_options *o = new_options(1);
  ASSERT_OK(cf_options_set_initializer(o, make_code(), NULL, 0));
  ASSERT_OK(cf_options_set_start_method(o, check_is_fork() ? CF_START_FORK : CF_START_SPAWN));
  ASSERT_STATUS(CF_UNKNOWN_FUNCTION, cf_process_pool_new_with(o, &executor, &error));
  ASSERT(executor == NULL);
  ASSERT(cf_error_message(error)[0] != '\0');
  cf_error_free(error);
  cf_options_free(o);
}

/* ---------------------------------------------------------------- libraries */

static cf_task_fn find_in(void *module, const char *name) {
  cf_task_fn fn;
  void *symbol = dlsym(module, name);
  ASSERT(symbol != NULL);
  memcpy(&fn, &symbol, sizeof fn);
  return fn;
}

static void expect_doubles(cf_executor *executor, cf_task_fn fn) {
  cf_future *fs[50];
  for (int32_t i = 0; i < 50; i++) fs[i] = submit_bytes(executor, fn, &i, sizeof i);
  for (int32_t i = 0; i < 50; i++) ASSERT_VALUE(2 * i, fs[i]);
  cf_futures_release(fs, 50);
}

/* First in a process of its own, where nothing has loaded it before. */
static void load_later(void *unused) {
  (void)unused;
  cf_executor *two = make_executor(2);
  expect_works(two); /* the workers live */
  void *module = dlopen(CF_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
  ASSERT(module != NULL);
  expect_doubles(two, find_in(module, "module_double"));
  int32_t pid = pid_of_next_task(two);
  kill_and_await(pid);
  expect_doubles(two, find_in(module, "module_double")); /* in the one that replaces it, too */
  cf_executor_free(two);
}

CF_TEST_PLAIN(a_library_loaded_after_the_workers_have_started) {
  run_in_child(load_later, NULL);
}

/* Loaded once in a worker it stays: its memory is there for the next task. */
CF_TEST_PLAIN(a_library_stays_loaded_in_its_worker) {
  cf_executor *one = make_executor(1);
  void *module = dlopen(CF_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
  ASSERT(module != NULL);
  for (int32_t i = 1; i <= 5; i++) {
    cf_future *f = submit_bytes(one, find_in(module, "module_count"), NULL, 0);
    ASSERT_VALUE(i, f);
    cf_future_release(f);
  }
  cf_executor_free(one);
  ASSERT(dlclose(module) == 0);
}

/* Unloaded and loaded again, perhaps elsewhere, also beside a pool that knows it from before. */
CF_TEST_PLAIN(a_library_loaded_again) {
  cf_executor *one = make_executor(1);
  for (int i = 0; i < 5; i++) {
    void *module = dlopen(CF_TEST_MODULE, RTLD_NOW | RTLD_LOCAL);
    ASSERT(module != NULL);
    expect_doubles(one, find_in(module, "module_double"));
    ASSERT(dlclose(module) == 0);
    void *page = mmap(NULL, 1 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT(page != MAP_FAILED); /* stands in its place, perhaps */
    expect_works(one);
    ASSERT(munmap(page, 1 << 20) == 0);
  }
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- libraries that are replaced */

/* A library in a folder of its own, and another build of it that waits for its place. */
struct library {
  char folder[32], path[64], other[64];
  void *module;
  cf_task_fn fn; /* doubles; in the other build it triples */
};

/* What is compared is the linker's note of what a library is, and for one without, its file. */
static const char *const builds[][2] = {
  { CF_TEST_MODULE, CF_TEST_MODULE_CHANGED },
  { CF_TEST_UNNAMED, CF_TEST_UNNAMED_CHANGED },
};

static struct library load_copy(const char *const build[2]) {
  struct library l = { "/tmp/cfutures-test-XXXXXX", "", "", NULL, NULL };
  ASSERT(mkdtemp(l.folder) != NULL);
  snprintf(l.path, sizeof l.path, "%s/library.so", l.folder);
  snprintf(l.other, sizeof l.other, "%s/other.so", l.folder);
  copy_file(build[0], l.path);
  copy_file(build[1], l.other);
  l.module = dlopen(l.path, RTLD_NOW | RTLD_LOCAL);
  ASSERT(l.module != NULL);
  l.fn = find_in(l.module, "module_double");
  return l;
}

/* As an update does: whoever has the old file mapped keeps it. */
static void replace_library(const struct library *l) {
  ASSERT(rename(l->other, l->path) == 0);
}

static void unload_copy(struct library *l) {
  ASSERT(dlclose(l->module) == 0);
  ASSERT(unlink(l->path) == 0 && rmdir(l->folder) == 0);
}

/* Releases the future. */
static void expect_changed(cf_future *f, const struct library *l) {
  const char *message = cf_error_message(expect_error(CF_UNKNOWN_FUNCTION, f));
  ASSERT_CONTAINS(l->path, message);
  ASSERT_CONTAINS("changed on disk", message);
  cf_future_release(f);
}

static void expect_changed_in(cf_executor *executor, const struct library *l) {
  const int32_t value = 5;
  for (int i = 0; i < 3; i++)
    expect_changed(submit_bytes(executor, l->fn, &value, sizeof value), l);
  expect_works(executor);
}

/* The task is submitted before and begun after. Its worker is older than the library: no fork has it. */
CF_TEST_PLAIN(a_library_that_is_replaced_before_its_task_runs) {
  for (size_t i = 0; i < LENGTH(builds); i++) {
    const int32_t value = 5;
    gate g = gate_make();
    cf_executor *one = make_executor(1);
    cf_future *before = submit_gated(one, &g, 1);
    gate_await(&g, 1);
    struct library l = load_copy(builds[i]);
    cf_future *f = submit_bytes(one, l.fn, &value, sizeof value);
    replace_library(&l);
    gate_open(&g, 1);
    ASSERT_VALUE(1, before);
    cf_future_release(before);
    expect_changed(f, &l);
    expect_changed_in(one, &l); /* it has loaded the other one now */
    cf_executor_free(one);
    unload_copy(&l);
    gate_close(&g);
  }
}

/* Submitted afterwards. A fork of the host has what the host has. */
CF_TEST_PLAIN(a_library_that_was_replaced_before_its_pool_was_made) {
  struct library l = load_copy(builds[0]);
  replace_library(&l);
  cf_executor *one = make_executor(1);
  if (check_is_fork())
    expect_doubles(one, l.fn);
  else
    expect_changed_in(one, &l);
  cf_executor_free(one);
  unload_copy(&l);
}

/* What a worker has loaded it keeps; one that takes a dead one's place has to load it anew. */
CF_TEST_PLAIN(workers_that_have_loaded_a_library_go_on_when_it_is_replaced) {
  for (size_t i = 0; i < LENGTH(builds); i++) {
    cf_executor *one = make_executor(1);
    expect_works(one);
    struct library l = load_copy(builds[i]);
    expect_doubles(one, l.fn);
    replace_library(&l);
    expect_doubles(one, l.fn);
    kill_and_await(pid_of_next_task(one));
    expect_changed_in(one, &l);
    cf_executor_free(one);
    unload_copy(&l);
  }
}
