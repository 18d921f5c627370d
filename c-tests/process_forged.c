/*
 * Shows: what becomes of an outcome that a worker has forged: its size, its place, its status, how many items of a
 * portion have ended; also while the host reads it. The host reads nothing beyond what is the worker's own, each future
 * and each item ends, and other items are what they are.
 *
 * The structures are those of the shared memory (src/processes/layout.rs, portion.rs).
 */
#define _GNU_SOURCE
#include "evil.h"

/* ---------------------------------------------------------------- one outcome */

struct forgery {
  int32_t status;
  uint64_t size, at;
};

static int32_t forging_task(cf_task *task, void *arg, size_t arg_size) {
  const struct forgery *forgery = arg;
  struct slot *slot = slot_of(arg);
  ASSERT_EQ_SIZE(sizeof *forgery, arg_size);
  (void)task;
  slot->status = forgery->status;
  slot->result_size = forgery->size;
  slot->result_at = forgery->at;
  lie(slot, DONE);
  _exit(3);
}

CF_TEST(outcomes_that_make_no_sense_are_refused) {
  const uint64_t room = sizeof((struct slot *)0)->result;
  const struct {
    struct forgery forgery;
    int status;
  } cases[] = {
    { { 0, room, 0 }, CF_OK }, /* what is forged is what is read */
    { { 0, room + 1, 0 }, CF_WORKER_DIED },
    { { 0, UINT64_MAX, 0 }, CF_WORKER_DIED },
    { { 0, 8, 4096 }, CF_WORKER_DIED },
    { { 0, 8, (uint64_t)1 << 40 }, CF_WORKER_DIED },
    { { 0, 64, UINT64_MAX - 8 }, CF_WORKER_DIED },
    { { CF_TASK_FAILED, room + 1, 0 }, CF_WORKER_DIED },
    { { 12345, 8, 0 }, CF_WORKER_DIED },
    { { CF_CANCELLED, 8, 0 }, CF_WORKER_DIED },
  };
  for (size_t i = 0; i < LENGTH(cases); i++) {
    size_t size = 0;
    cf_future *f = submit_bytes(ex, forging_task, &cases[i].forgery, sizeof cases[i].forgery);
    ASSERT_STATUS(cases[i].status, cf_future_result(f, CF_FOREVER, NULL, &size));
    if (cases[i].status == CF_OK) ASSERT_EQ_SIZE(room, size);
    cf_future_release(f);
  }
  expect_works(ex);
}

/* ---------------------------------------------------------------- portions of a map */

struct head {
  uint32_t next, stop, count, unused;
  uint64_t record;
  unsigned char rest[40];
};

struct item {
  unsigned char result[16];
  uint64_t size, at;
  int32_t status, code;
  uint64_t unused;
};

static struct slot *slot_of_portion(const struct head *head) {
  const uint64_t at = (uint64_t)((const unsigned char *)head - shared_memory().begin);
  for (struct slot *slot = slots_begin(), *end = slot + SLOTS; slot < end; slot++)
    if (slot->arg_at == at && state_of(slot) == CLAIMED) return slot;
  check_fail(__FILE__, __LINE__, "the portion has no slot");
}

/* What lies before the records of a portion of so many items. */
static struct item *items_before(unsigned char *records, size_t n) {
  return (struct item *)(void *)(records - n * sizeof(struct item));
}

static struct head *head_before(struct item *items, size_t n) {
  struct head *head = (struct head *)(void *)((unsigned char *)items - sizeof(struct head));
  ASSERT_EQ_SIZE(n, head->count);
  return head;
}

/* ---------------------------------------------------------------- outcomes that change while they are read */

enum { MANY = 4000, LARGE = 1000, FILL = 7 };

/* The first item says that all are done, and goes on to change their sizes from what is there to what is not, and back,
 * until the host has read them all. */
static int32_t fickle_task(cf_task *task, void *arg, size_t arg_size) {
  struct item *items = items_before(arg, MANY);
  struct head *head = head_before(items, MANY);
  struct slot *slot = slot_of_portion(head);
  unsigned char *result = cf_task_result_buffer(task, LARGE);
  ASSERT(result != NULL && arg_size > 0);
  memset(result, FILL, LARGE);
  for (size_t i = 0; i < MANY; i++) {
    items[i].status = 0;
    items[i].size = LARGE;
    items[i].at = (uint64_t)(result - shared_memory().begin);
  }
  head->next = MANY;
  lie(slot, DONE);
  for (uint64_t size = 0; (__atomic_load_n(&slot->word, __ATOMIC_ACQUIRE) & STATE) == DONE;) {
    size = size == LARGE ? (uint64_t)1 << 35 : LARGE;
    for (size_t i = 0; i < MANY; i++) *(volatile uint64_t *)&items[i].size = size;
  }
  _exit(3);
}

/* The host reads each size once: what it has checked is what it goes by. */
CF_TEST(outcomes_that_change_while_they_are_read) {
  static const int32_t numbers[MANY];
  cf_map_options *options = NULL;
  cf_map *map = NULL;
  cf_item item;
  ASSERT_OK(cf_map_options_new(&options));
  ASSERT_OK(cf_map_options_set_chunk_size(options, MANY));
  ASSERT_OK(cf_executor_map(ex, fickle_task, numbers, sizeof *numbers, MANY, options, &map));
  cf_map_options_free(options);
  for (size_t i = 0; i < MANY; i++) {
    ASSERT_OK(cf_map_next(map, &item));
    if (item.status == CF_OK) {
      const unsigned char *data = item.data;
      ASSERT_EQ_SIZE(LARGE, item.size);
      ASSERT(data[0] == FILL && data[LARGE - 1] == FILL);
    } else {
      ASSERT_STATUS(CF_WORKER_DIED, item.status);
    }
  }
  cf_map_free(map);
  expect_works(ex);
}

/* ---------------------------------------------------------------- portions that lie */

enum { CHUNK = 8, ITEMS = 3 * CHUNK, EVIL = CHUNK };
enum portion_lie { MANY_ENDED, DONE_EARLY, ITEM_ELSEWHERE, STOPPED, PORTION_LIES };

struct record {
  int32_t number, lie;
};

static void lie_about_portion(unsigned char *records, int32_t what) {
  struct item *items = items_before(records, CHUNK);
  struct head *head = head_before(items, CHUNK);
  switch (what) {
  case MANY_ENDED: head->next = UINT32_MAX; break;
  case DONE_EARLY:
    head->next = 1;
    lie(slot_of_portion(head), DONE);
    break;
  case ITEM_ELSEWHERE:
    items[0].size = (uint64_t)1 << 40;
    items[0].at = 4096;
    head->next = 1;
    break;
  case STOPPED: head->stop = 1; return;
  default: break;
  }
  _exit(3);
}

/* Gives its number; the first of the second portion lies. */
static int32_t item_task(cf_task *task, void *arg, size_t arg_size) {
  const struct record record = *(const struct record *)arg;
  ASSERT_EQ_SIZE(sizeof record, arg_size);
  if (record.number == EVIL) lie_about_portion(arg, record.lie);
  return cf_task_return(task, &record.number, sizeof record.number);
}

static void expect_item_after(int32_t what, int32_t i, int status, int32_t value) {
  const bool is_lied_about = i / CHUNK == EVIL / CHUNK;
  if (!is_lied_about || (what == ITEM_ELSEWHERE && i > EVIL + 1) ||
      (what == STOPPED && i == EVIL)) {
    ASSERT_OK(status);
    ASSERT_EQ_INT(i, value);
  } else if (what == MANY_ENDED || (what == DONE_EARLY && i == EVIL)) {
    /* They have ended, as far as the worker says: with nothing in place of a number. */
    ASSERT(status == CF_OK || status == CF_SIZE_MISMATCH || status == CF_WORKER_DIED);
  } else {
    ASSERT_STATUS(CF_WORKER_DIED, status);
  }
}

static void map_all(cf_executor *executor, const cf_map_options *options,
                    const struct record *records, int32_t what) {
  cf_map *map = NULL;
  cf_item item;
  ASSERT_OK(cf_executor_map(executor, item_task, records, sizeof *records, ITEMS, options, &map));
  for (int32_t i = 0; i < ITEMS; i++) {
    int32_t value = -1;
    ASSERT_OK(cf_map_next(map, &item));
    ASSERT_EQ_SIZE((size_t)i, item.index);
    if (item.size == sizeof value) memcpy(&value, item.data, sizeof value);
    expect_item_after(what, i, item.status, value);
  }
  ASSERT_STATUS(CF_END, cf_map_next(map, &item));
  cf_map_free(map);
}

/* Nothing is written beyond the caller's arrays either. */
static void map_all_into(cf_executor *executor, const cf_map_options *options,
                         const struct record *records, int32_t what) {
  int32_t values[2 * ITEMS];
  cf_status statuses[2 * ITEMS];
  for (int32_t i = 0; i < 2 * ITEMS; i++) values[i] = -1, statuses[i] = CF_END;
  const cf_status first = cf_executor_map_into(executor, item_task, records, sizeof *records, ITEMS,
                                               options, values, sizeof values[0], statuses, NULL);
  ASSERT(first == CF_WORKER_DIED || first == CF_OK || first == CF_SIZE_MISMATCH);
  for (int32_t i = 0; i < ITEMS; i++) expect_item_after(what, i, statuses[i], values[i]);
  for (int32_t i = ITEMS; i < 2 * ITEMS; i++) ASSERT(values[i] == -1 && statuses[i] == CF_END);
}

CF_TEST(lies_about_a_portion_concern_its_items_alone) {
  struct record records[ITEMS];
  cf_map_options *options = NULL;
  ASSERT_OK(cf_map_options_new(&options));
  ASSERT_OK(cf_map_options_set_chunk_size(options, CHUNK));
  for (int32_t what = 0; what < PORTION_LIES; what++) {
    for (int32_t i = 0; i < ITEMS; i++) records[i].number = i, records[i].lie = what;
    map_all(ex, options, records, what);
    map_all_into(ex, options, records, what);
  }
  cf_map_options_free(options);
  expect_works(ex);
}
