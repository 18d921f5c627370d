/*
 * The shared memory of a pool as one of its workers sees it who means harm. Nothing of it is in the interface: a worker
 * finds it as anybody could.
 *
 * Used by process_evil.c and process_lies.c.
 */
#ifndef CFUTURES_EVIL_H
#define CFUTURES_EVIL_H

#include "processes.h"

#include <stdio.h>
#include <time.h>

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

static inline int64_t seconds_now(void) {
  struct timespec now;
  ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
  return now.tv_sec;
}

#endif
