/*
 * Shows: maps over several arrays: the shortest ends them, CF_REPEAT, strides, and how the items of
 * a call are laid out. What they refuse is in map_arguments.c; the rest of map in map.c.
 *
 * CPython: Executor.map over several iterables; itertools.repeat for a constant argument.
 */
#include "maps.h"

#include <stdlib.h>
#include <string.h>

static cf_map *map_over(cf_task_fn fn, const cf_array *arrays, size_t n) {
  cf_map *map = NULL;
  ASSERT_OK(cf_executor_map_arrays(ex, fn, arrays, n, NULL, &map));
  ASSERT(map != NULL);
  return map;
}

/* ---------------------------------------------------------------- how many calls */

CF_TEST(map_arrays_stops_at_the_shortest) {
  const int32_t two[] = { 2, 3 }, four[] = { 1, 2, 3, 4 };
  cf_map *map = map_over(pow_task, (cf_array[]){ ARRAY(two), ARRAY(four) }, 2);
  expect_item(map, 0, 2);
  expect_item(map, 1, 9);
  expect_end(map);
  cf_map_free(map);
  map = map_over(pow_task, (cf_array[]){ ARRAY(four), ARRAY(two) }, 2);
  expect_item(map, 0, 1);
  expect_item(map, 1, 8);
  expect_end(map);
  cf_map_free(map);
}

CF_TEST(map_arrays_with_an_empty_one_is_empty) {
  const int32_t some[] = { 1, 2 };
  const cf_array empty = { NULL, sizeof *some, 0, 0, 0 };
  cf_map *map = map_over(pow_task, (cf_array[]){ ARRAY(some), empty }, 2);
  expect_end(map);
  cf_map_free(map);
}

/* CPython: map over no iterable at all is empty. */
CF_TEST(map_over_no_arrays_is_empty) {
  cf_map *map = map_over(pow_task, NULL, 0);
  expect_end(map);
  cf_map_free(map);
}

/* CF_REPEAT gives its first item to every call, in any place. */
CF_TEST(map_arrays_repeats_a_constant) {
  const int32_t bases[] = { 1, 2, 3, 4, 5 }, exponents[] = { 0, 1, 2 }, constant = 3;
  const cf_array repeated = { &constant, sizeof constant, 0, 0, CF_REPEAT };
  const int32_t cubes[] = { 1, 8, 27, 64, 125 }, powers_of_3[] = { 1, 3, 9 };
  cf_map *map = map_over(pow_task, (cf_array[]){ ARRAY(bases), repeated }, 2);
  for (size_t i = 0; i < 5; i++) expect_item(map, i, cubes[i]);
  expect_end(map);
  cf_map_free(map);
  map = map_over(pow_task, (cf_array[]){ repeated, ARRAY(exponents) }, 2);
  for (size_t i = 0; i < 3; i++) expect_item(map, i, powers_of_3[i]);
  expect_end(map);
  cf_map_free(map);
}

static int32_t sum_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t *numbers = arg;
  int32_t sum = 0;
  for (size_t i = 0; i < arg_size / sizeof *numbers; i++) sum += numbers[i];
  return cf_task_return(task, &sum, sizeof sum);
}

CF_TEST(map_over_many_arrays) {
  enum { ARRAYS = 40, N = 10 };
  int32_t numbers[ARRAYS][N];
  cf_array arrays[ARRAYS];
  for (int a = 0; a < ARRAYS; a++) {
    for (int i = 0; i < N; i++) numbers[a][i] = a * 1000 + i;
    arrays[a] = (cf_array){ numbers[a], sizeof(int32_t), 0, 0, a % 5 == 4 ? CF_REPEAT : N };
  }
  cf_map *map = map_over(sum_task, arrays, ARRAYS);
  for (int i = 0; i < N; i++)
    expect_item(map, (size_t)i, 1000 * (ARRAYS * (ARRAYS - 1) / 2) + i * (ARRAYS - ARRAYS / 5));
  expect_end(map);
  cf_map_free(map);
}

/* ---------------------------------------------------------------- strides */

struct city {
  char name[10];
  int32_t x;
  int64_t visitors;
  int32_t y;
};

/* One member out of an array of structs. The memory ends with the last member that is read: neither
 * the input nor its end is touched beyond it (valgrind and ASan would say so). */
CF_TEST(map_arrays_reads_members_of_structs) {
  enum { N = 12 };
  const size_t size = (N - 1) * sizeof(struct city) + offsetof(struct city, y) + sizeof(int32_t);
  unsigned char *cities = malloc(size);
  ASSERT(cities != NULL);
  memset(cities, 0xee, size);
  for (int32_t i = 0; i < N; i++) {
    const int32_t x = i, y = 2 + i % 3;
    unsigned char *city = cities + (size_t)i * sizeof(struct city);
    memcpy(city + offsetof(struct city, x), &x, sizeof x);
    memcpy(city + offsetof(struct city, y), &y, sizeof y);
  }
  const cf_array arrays[] = {
    { cities + offsetof(struct city, x), sizeof(int32_t), 0, sizeof(struct city), N },
    { cities + offsetof(struct city, y), sizeof(int32_t), 0, sizeof(struct city), N },
  };
  cf_map *map = map_over(pow_task, arrays, 2);
  free(cities);
  for (int32_t i = 0; i < N; i++) {
    int32_t power = i * i; /* and y is 2, 3 or 4 */
    for (int32_t k = 0; k < i % 3; k++) power *= i;
    expect_item(map, (size_t)i, power);
  }
  expect_end(map);
  cf_map_free(map);
}

/* A stride of 0 is the item's size, and the same as saying so. Items need not be aligned. */
CF_TEST(map_arrays_reads_contiguous_and_unaligned_items) {
  const int32_t numbers[] = { 10, 20, 30 };
  unsigned char packed[1 + 3 * 5];
  for (size_t i = 0; i < 3; i++) memcpy(packed + 1 + 5 * i, &numbers[i], sizeof(int32_t));
  const cf_array ways[] = {
    { numbers, sizeof(int32_t), 0, 0, 3 },
    { numbers, sizeof(int32_t), 0, sizeof(int32_t), 3 },
    { packed + 1, sizeof(int32_t), 0, 5, 3 },
  };
  for (size_t w = 0; w < LENGTH(ways); w++) {
    cf_map *map = map_over(double_task, &ways[w], 1);
    for (size_t i = 0; i < 3; i++) expect_item(map, i, 2 * numbers[i]);
    expect_end(map);
    cf_map_free(map);
  }
}

/* ---------------------------------------------------------------- the layout of a call's items */

/* What the task saw: where the bytes of each array lie in its argument, and how it is aligned. */
enum { PLACES = 256 };
struct seen {
  size_t arg_size;
  size_t misalignment;
  unsigned char bytes[PLACES];
};

static int32_t look_task(cf_task *task, void *arg, size_t arg_size) {
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  ASSERT(arg_size <= PLACES);
  seen.arg_size = arg_size;
  seen.misalignment = (uintptr_t)arg % 16;
  memcpy(seen.bytes, arg, arg_size);
  return cf_task_return(task, &seen, sizeof seen);
}

struct column {
  size_t size, align, offset; /* align as given; offset as expected */
};

/* Two calls over columns filled with bytes of their own; each byte must be where it is expected. */
static void expect_layout(const struct column *columns, size_t n, size_t struct_align) {
  cf_array arrays[8];
  unsigned char *data[8];
  size_t end = 0;
  for (size_t c = 0; c < n; c++) {
    data[c] = malloc(2 * columns[c].size);
    ASSERT(data[c] != NULL);
    memset(data[c], (int)(0x10 + c), columns[c].size);
    memset(data[c] + columns[c].size, (int)(0x80 + c), columns[c].size);
    arrays[c] = (cf_array){ data[c], columns[c].size, columns[c].align, 0, 2 };
    end = columns[c].offset + columns[c].size;
  }
  cf_map *map = map_over(look_task, arrays, n);
  for (size_t i = 0; i < 2; i++) {
    cf_item item;
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_OK(item.status);
    const struct seen *seen = item.data;
    ASSERT(seen->arg_size >= end); /* padding at the end may count or not */
    ASSERT(seen->arg_size <= (end + struct_align - 1) / struct_align * struct_align);
    ASSERT_EQ_SIZE(0, seen->misalignment % struct_align);
    for (size_t c = 0; c < n; c++)
      for (size_t k = 0; k < columns[c].size; k++)
        ASSERT_EQ_INT((i == 0 ? 0x10 : 0x80) + (int)c, seen->bytes[columns[c].offset + k]);
  }
  expect_end(map);
  cf_map_free(map);
  for (size_t c = 0; c < n; c++) free(data[c]);
}

struct mixed {
  char a;
  double b;
  int16_t c;
  int32_t d;
  char e;
};

/* As a C struct with these members would be laid out. */
CF_TEST(map_arrays_lays_items_out_as_a_struct) {
  const struct column columns[] = {
    { sizeof(char), 0, offsetof(struct mixed, a) },
    { sizeof(double), 0, offsetof(struct mixed, b) },
    { sizeof(int16_t), 0, offsetof(struct mixed, c) },
    { sizeof(int32_t), 0, offsetof(struct mixed, d) },
    { sizeof(char), 0, offsetof(struct mixed, e) },
  };
  expect_layout(columns, LENGTH(columns), 8);
}

/* Without an alignment: the largest power of two that divides the size, at most 16. */
CF_TEST(map_arrays_derives_alignment_from_the_size) {
  const struct column columns[] = {
    { 3, 0, 0 },   /* 1 */
    { 12, 0, 4 },  /* 4 */
    { 7, 0, 16 },  /* 1 */
    { 24, 0, 24 }, /* 8 */
    { 6, 0, 48 },  /* 2 */
    { 64, 0, 64 }, /* 16, not 64 */
    { 1, 0, 128 },
    { 48, 0, 144 }, /* 16 */
  };
  expect_layout(columns, LENGTH(columns), 16);
}

/* An alignment that is given decides: of a packed struct, or of a type such as char[12]. */
CF_TEST(map_arrays_obeys_a_given_alignment) {
  const struct column packed[] = { { 1, 1, 0 }, { 8, 1, 1 }, { 4, 2, 10 } };
  const struct column wide[] = { { 1, 0, 0 }, { 4, 16, 16 }, { 12, 1, 20 }, { 1, 8, 32 } };
  expect_layout(packed, LENGTH(packed), 2);
  expect_layout(wide, LENGTH(wide), 16);
}

/* Members of size 0 take no room. */
CF_TEST(map_arrays_takes_items_of_size_0) {
  const int32_t numbers[] = { 1, 2, 3 };
  const cf_array arrays[] = { { NULL, 0, 0, 0, 3 }, ARRAY(numbers), { NULL, 0, 0, 0, CF_REPEAT } };
  cf_map *map = map_over(double_task, arrays, 3);
  for (size_t i = 0; i < 3; i++) expect_item(map, i, 2 * numbers[i]);
  expect_end(map);
  cf_map_free(map);
}
