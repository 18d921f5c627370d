/*
 * The shared memory of a pool as one of its workers sees it who means harm. Nothing of it is in the interface: a worker
 * finds it as anybody could.
 *
 * Used by process_evil.c, process_lies.c and process_forged.c.
 */
#ifndef CFUTURES_EVIL_H
#define CFUTURES_EVIL_H

#include "processes.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/syscall.h>

struct region {
  unsigned char *begin, *end;
};

static inline struct region shared_memory(void) {
  struct region found = { NULL, NULL };
  char line[512];
  FILE *maps = fopen("/proc/self/maps", "r");
  ASSERT(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long begin, end;
    if (strstr(line, "rw-s") == NULL || strstr(line, "memfd:") == NULL) continue;
    ASSERT(sscanf(line, "%lx-%lx", &begin, &end) == 2);
    if (end - begin < (size_t)(found.end - found.begin)) continue;
    found.begin = (unsigned char *)begin;
    found.end = (unsigned char *)end;
  }
  fclose(maps);
  ASSERT(found.begin != NULL);
  return found;
}

static unsigned char *pages[1 << 16];
static size_t count;

/* Every page that there is: beyond them the file has no memory yet. */
static inline void find_pages(void) {
  const size_t chunk = (size_t)64 << 20;
  static unsigned char there[(64 << 20) / 4096];
  const struct region all = shared_memory();
  count = 0;
  for (unsigned char *at = all.begin; at < all.end; at += chunk) {
    size_t size = (size_t)(all.end - at) < chunk ? (size_t)(all.end - at) : chunk;
    if (mincore(at, size, there) != 0) continue;
    for (size_t i = 0; i < size / 4096 && count < LENGTH(pages); i++)
      if (there[i] & 1) pages[count++] = at + i * 4096;
  }
}

/* Where the workers tell of themselves, the queue's cells and the tasks are (src/processes/layout.rs). So many tasks have
 * memory as soon as there is one. */
enum { WORKERS_AT = 64 << 10, RING_AT = 2560000, SLOTS_AT = RING_AT + (8 << 20), SLOTS = 256 };

/* A task as it lies there. One whose argument fits in finds its own before its argument. */
struct slot {
  uint64_t word; /* generation: 32, worker: 12, flags: 12, state: 8 */
  uint32_t func, kind;
  uint64_t arg_size, arg_at, index, context, context_size, unused;
  int32_t status, code;
  uint64_t result_size, result_at, number;
  unsigned char arg[80], result[80];
};

enum { STATE = 0xff, READY = 1, CLAIMED = 2, DONE = 3, TAKEN = 4 };

static inline struct slot *slot_of(void *arg) {
  return (struct slot *)(void *)((unsigned char *)arg - offsetof(struct slot, arg));
}

/* What the queue has of a task: the number of its slot, and its generation. */
static inline uint64_t cell_of(const struct slot *slot) {
  const uint64_t at = (uint64_t)((const unsigned char *)slot - shared_memory().begin);
  return (at - SLOTS_AT) / sizeof *slot << 32 | slot->word >> 32;
}

/* All that there may be, as the suites have few at a time. */
static inline struct slot *slots_begin(void) {
  return (struct slot *)(void *)(shared_memory().begin + SLOTS_AT);
}

static inline uint64_t state_of(const struct slot *slot) {
  return slot->word & STATE;
}

/* Whoever sleeps on the word looks again. */
static inline void lie(struct slot *slot, uint64_t state) {
  __atomic_store_n(&slot->word, (slot->word & ~(uint64_t)STATE) | state, __ATOMIC_RELEASE);
  syscall(SYS_futex, &slot->word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

#endif
