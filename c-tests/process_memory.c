/*
 * Shows: the memory that a pool of processes shares with its workers. Arguments and results of any
 * size, results in place, blocks that lie at the same address on both sides, the limit, and that
 * what is given back is used again.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

static const size_t mib = (size_t)1 << 20;

/* ---------------------------------------------------------------- sizes */

static void fill(unsigned char *bytes, size_t size, uint32_t seed) {
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)((i + seed) * 2654435761u >> 24);
}

static void expect_filled(const void *data, size_t size, uint32_t seed) {
  const unsigned char *bytes = data;
  for (size_t i = 0; i < size; i++)
    if (bytes[i] != (unsigned char)((i + seed) * 2654435761u >> 24))
      check_fail(__FILE__, __LINE__, "byte %zu of %zu is wrong", i, size);
}

/* Checks and returns its argument. */
static int32_t echo_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT((uintptr_t)arg % 16 == 0);
  expect_filled(arg, arg_size, 1);
  return cf_task_return(task, arg, arg_size);
}

struct wanted {
  size_t size;
  uint32_t seed;
  int32_t in_place;
};

static int32_t make_task(cf_task *task, void *arg, size_t arg_size) {
  const struct wanted *w = arg;
  ASSERT_EQ_SIZE(sizeof *w, arg_size);
  if (w->in_place) {
    unsigned char *buffer = cf_task_result_buffer(task, w->size);
    if (buffer == NULL) return 2; /* the future says CF_NO_MEMORY, whatever is returned */
    ASSERT((uintptr_t)buffer % 16 == 0);
    fill(buffer, w->size, w->seed);
    return 0;
  }
  unsigned char *bytes = malloc(w->size + 1);
  ASSERT(bytes != NULL);
  fill(bytes, w->size, w->seed);
  int32_t code = cf_task_return(task, bytes, w->size);
  free(bytes);
  return code;
}

static cf_future *submit_wanted(cf_executor *executor, size_t size, uint32_t seed, bool in_place) {
  const struct wanted w = { size, seed, in_place };
  return submit_bytes(executor, make_task, &w, sizeof w);
}

static void expect_result(cf_future *f, size_t size, uint32_t seed) {
  const void *data = NULL;
  size_t got = 0;
  ASSERT_OK(cf_future_result(f, CF_FOREVER, &data, &got));
  ASSERT_EQ_SIZE(size, got);
  ASSERT(data != NULL && (uintptr_t)data % 16 == 0);
  expect_filled(data, size, seed);
}

static const size_t sizes[] = { 0,    1,     15,     16,      17,      79,       80,
                                81,   4095,  4096,   4097,    65535,   65536,    65537,
                                1000, 99999, 999999, 1 << 20, 5000000, 16 << 20, 64 << 20 };

CF_TEST(arguments_of_any_size) {
  unsigned char *bytes = malloc(64 * mib);
  ASSERT(bytes != NULL);
  fill(bytes, 64 * mib, 1);
  for (size_t i = 0; i < LENGTH(sizes); i++) {
    cf_future *f = submit_bytes(ex, echo_task, bytes, sizes[i]);
    expect_result(f, sizes[i], 1);
    cf_future_release(f);
  }
  free(bytes);
}

/* Up and down, so that a result is larger than anything before, and much smaller. */
CF_TEST(results_of_any_size) {
  for (size_t i = 0; i < 2 * LENGTH(sizes); i++) {
    size_t size = sizes[i < LENGTH(sizes) ? i : 2 * LENGTH(sizes) - 1 - i];
    cf_future *copied = submit_wanted(ex, size, 2, false);
    expect_result(copied, size, 2);
    cf_future_release(copied);
    if (size == 0) continue;
    cf_future *in_place = submit_wanted(ex, size, 3, true);
    expect_result(in_place, size, 3);
    cf_future_release(in_place);
  }
}

/* Results of one worker beside each other, kept and dropped in any order: none touches another. */
CF_TEST(results_that_are_kept_do_not_touch_each_other) {
  enum { KEPT = 64 };
  cf_future *kept[KEPT] = { NULL };
  size_t kept_sizes[KEPT] = { 0 };
  uint32_t random = 12345;
  const size_t rounds = scaled(1500);
  for (size_t round = 0; round < rounds; round++) {
    random = random * 1664525u + 1013904223u;
    size_t at = random >> 26;
    if (kept[at] != NULL) expect_result(kept[at], kept_sizes[at], (uint32_t)at);
    cf_future_release(kept[at]);
    kept_sizes[at] = (size_t)1 << ((random >> 16) % 17);
    kept_sizes[at] += (random >> 8) % kept_sizes[at];
    kept[at] = submit_wanted(ex, kept_sizes[at], (uint32_t)at, (random & 64) != 0);
  }
  cf_executor_free(ex); /* results outlive their pool */
  ex = NULL;
  for (size_t i = 0; i < KEPT; i++)
    if (kept[i] != NULL) expect_result(kept[i], kept_sizes[i], (uint32_t)i);
  cf_futures_release(kept, KEPT);
}

static int32_t enlarge_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT_EQ_SIZE(sizeof(uint32_t), arg_size);
  for (size_t size = 1; size < 8 * mib; size *= 3)
    if (cf_task_result_buffer(task, size) == NULL) return 2;
  unsigned char *buffer = cf_task_result_buffer(task, 1000);
  if (buffer == NULL) return 2;
  fill(buffer, 1000, *(uint32_t *)arg);
  return 0;
}

/* The last buffer counts; those before it are given back. */
CF_TEST(result_buffers_that_are_replaced) {
  for (uint32_t i = 0; i < 50; i++) {
    cf_future *f = submit_bytes(ex, enlarge_task, &i, sizeof i);
    expect_result(f, 1000, i);
    cf_future_release(f);
  }
}

/* ---------------------------------------------------------------- shared blocks */

struct view {
  unsigned char *block; /* as the host sees it */
  size_t size;
  uint32_t seed;
};

/* Finds what the host wrote at the host's address, overwrites it and returns it as it lies. */
static int32_t shared_task(cf_task *task, void *arg, size_t arg_size) {
  const struct view *view = arg;
  ASSERT_EQ_SIZE(sizeof *view, arg_size);
  expect_filled(view->block, view->size, view->seed);
  fill(view->block, view->size, view->seed + 1);
  return cf_task_return(task, view->block, view->size);
}

CF_TEST(shared_blocks_lie_at_the_same_address) {
  const size_t some[] = { 1, 64, 4096, 100000, 16 << 20 };
  for (size_t i = 0; i < LENGTH(some); i++) {
    void *block = NULL;
    ASSERT_OK(cf_executor_shared_alloc(ex, some[i], &block));
    ASSERT(block != NULL && (uintptr_t)block % 16 == 0);
    const struct view view = { block, some[i], 7 };
    fill(block, some[i], 7);
    cf_future *f = submit_bytes(ex, shared_task, &view, sizeof view);
    expect_result(f, some[i], 8);
    expect_filled(block, some[i], 8);
    ASSERT_EQ_PTR(block, cf_future_data(f, NULL)); /* passed, not copied */
    cf_future_release(f);
    cf_executor_shared_free(ex, block);
  }
}

static int32_t where_task(cf_task *task, void *arg, size_t arg_size) {
  ASSERT(arg_size >= 100000);
  ((unsigned char *)arg)[arg_size - 1] = 99;
  return cf_task_return(task, &arg, sizeof arg);
}

/* An argument in a shared block is the block itself. */
CF_TEST(shared_arguments_are_not_copied) {
  void *block = NULL, *seen = NULL;
  ASSERT_OK(cf_executor_shared_alloc(ex, mib, &block));
  unsigned char *inside = (unsigned char *)block + 4096;
  cf_future *f = submit_bytes(ex, where_task, inside, 100000);
  ASSERT_OK(cf_future_result_into(f, CF_FOREVER, &seen, sizeof seen));
  ASSERT_EQ_PTR(inside, seen);
  ASSERT_EQ_INT(99, inside[99999]);
  cf_future_release(f);
  cf_executor_shared_free(ex, block);
}

/* A block outlives workers: it belongs to the host. */
CF_TEST(shared_blocks_survive_the_death_of_workers) {
  void *block = NULL;
  ASSERT_OK(cf_executor_shared_alloc(ex, mib, &block));
  for (uint32_t i = 0; i < 5; i++) {
    const struct view view = { block, mib, i };
    fill(block, mib, i);
    cf_future *f = submit_bytes(ex, shared_task, &view, sizeof view);
    expect_last_death(submit_ending(ex, ABORTS, 0), SIGABRT, -1);
    expect_result(f, mib, i + 1);
    cf_future_release(f);
  }
  cf_executor_shared_free(ex, block);
}

/* ---------------------------------------------------------------- the limit */

static cf_executor *make_limited(size_t bytes) {
  cf_options *o = new_options(2);
  ASSERT_OK(cf_options_set_shared_memory_limit(o, bytes));
  return make_and_free(o);
}

CF_TEST_PLAIN(what_exceeds_the_limit_is_no_memory) {
  cf_executor *small = make_limited(32 * mib);
  unsigned char *bytes = calloc(1, 64 * mib);
  char place;
  cf_future *f = (cf_future *)(void *)&place;
  void *block = &place;
  ASSERT(bytes != NULL);
  ASSERT_STATUS(CF_NO_MEMORY, cf_executor_submit(small, value_task, bytes, 64 * mib, &f));
  ASSERT(f == NULL);
  ASSERT_STATUS(CF_NO_MEMORY, cf_executor_shared_alloc(small, 64 * mib, &block));
  ASSERT(block == NULL);
  for (int in_place = 0; in_place < 2; in_place++) {
    f = submit_wanted(small, 64 * mib, 1, in_place != 0);
    expect_error(CF_NO_MEMORY, f);
    cf_future_release(f);
    f = submit_wanted(small, 4 * mib, 1, in_place != 0);
    expect_result(f, 4 * mib, 1);
    cf_future_release(f);
  }
  expect_works(small);
  cf_executor_free(small);
  free(bytes);
}

/* Results that are kept use the memory up; released, they make room again. */
CF_TEST_PLAIN(a_full_pool_recovers) {
  enum { MOST = 64 };
  cf_executor *small = make_limited(32 * mib);
  for (int round = 0; round < 5; round++) {
    cf_future *kept[MOST];
    size_t count = 0;
    cf_status status = CF_OK;
    while (status == CF_OK && count < MOST) {
      kept[count] = submit_wanted(small, mib, (uint32_t)count, true);
      status = cf_future_result(kept[count++], CF_FOREVER, NULL, NULL);
    }
    ASSERT_STATUS(CF_NO_MEMORY, status);
    ASSERT(count > 8);
    for (size_t i = 0; i + 1 < count; i++) expect_result(kept[i], mib, (uint32_t)i);
    cf_futures_release(kept, count);
    expect_works(small);
  }
  cf_executor_free(small);
}

/* ---------------------------------------------------------------- used again */

/* Bytes that this process's files in memory really occupy. */
static size_t memory_files(void) {
  size_t bytes = 0, files = 0;
  DIR *dir = opendir("/proc/self/fd");
  ASSERT(dir != NULL);
  for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
    char target[64];
    struct stat of;
    ssize_t length = readlinkat(dirfd(dir), entry->d_name, target, sizeof target - 1);
    if (length < 0) continue;
    target[length] = '\0';
    if (strncmp(target, "/memfd:", 7) != 0) continue;
    ASSERT(fstatat(dirfd(dir), entry->d_name, &of, 0) == 0);
    bytes += (size_t)of.st_blocks * 512;
    files++;
  }
  closedir(dir);
  ASSERT(files > 0);
  return bytes;
}

static void run_mixed_round(uint32_t seed) {
  enum { TASKS = 40 };
  static unsigned char bytes[300000];
  cf_future *fs[TASKS];
  fill(bytes, sizeof bytes, 1);
  for (uint32_t i = 0; i < TASKS; i++) {
    size_t size = (seed * 7919u + i * 104729u) % sizeof bytes;
    fs[i] = i % 2 == 0 ? submit_bytes(ex, echo_task, bytes, size)
                       : submit_wanted(ex, size, 1, i % 4 == 1);
  }
  for (uint32_t i = 0; i < TASKS; i++)
    expect_result(fs[i], (seed * 7919u + i * 104729u) % sizeof bytes, 1);
  cf_futures_release(fs, TASKS);
}

/* A long run needs no more shared memory than a short one, also when workers die within it. */
CF_TEST(what_is_given_back_is_used_again) {
  for (uint32_t i = 0; i < 40; i++) run_mixed_round(i);
  size_t before = memory_files();
  for (uint32_t i = 0; i < scaled(300); i++) {
    run_mixed_round(i);
    if (i % 10 == 0) expect_last_death(submit_ending(ex, ABORTS, 0), SIGABRT, -1);
  }
  size_t after = memory_files();
  if (after > before + before / 2 + 16 * mib)
    check_fail(__FILE__, __LINE__, "%zu KiB before, %zu KiB after", before >> 10, after >> 10);
}
