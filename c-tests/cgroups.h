/*
 * Control groups for tests: a limit of memory or of processes that is not the whole machine's.
 *
 * Used by trouble.c and process_places.c. Both versions of the kernel's interface; where a group
 * cannot be made (no root, or a system that is mounted read-only), make_cgroup says so and the test
 * is skipped. A group is removed when its test is over; it is empty then.
 */
#ifndef CFUTURES_CGROUPS_H
#define CFUTURES_CGROUPS_H

#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct cgroup {
  char folder[600];
};

/* The folder of the group that this process is in, for that controller. */
static inline bool own_cgroup(const char *controller, char *folder, size_t room) {
  char line[512];
  bool found = false;
  FILE *groups = fopen("/proc/self/cgroup", "r");
  if (groups == NULL) return false;
  while (!found && fgets(line, sizeof line, groups) != NULL) {
    line[strcspn(line, "\n")] = '\0';
    char *controllers = strchr(line, ':');
    char *path = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
    if (path == NULL) continue;
    *path++ = '\0';
    const bool second = controllers[1] == '\0';
    if (!second && strcmp(controllers + 1, controller) != 0) continue;
    const char *base = second ? "" : controller;
    struct stat unused;
    snprintf(folder, room, "/sys/fs/cgroup/%s%s", base, path);
    if (stat(folder, &unused) != 0) snprintf(folder, room, "/sys/fs/cgroup/%s", base);
    found = stat(folder, &unused) == 0;
  }
  fclose(groups);
  return found;
}

static inline bool write_cgroup(const struct cgroup *group, const char *file, const char *text) {
  char path[700];
  snprintf(path, sizeof path, "%s/%s", group->folder, file);
  FILE *f = fopen(path, "we");
  if (f == NULL) return false;
  bool ok = fputs(text, f) >= 0;
  return fclose(f) == 0 && ok;
}

static inline bool set_cgroup_number(const struct cgroup *group, const char *file, long number) {
  char text[32];
  snprintf(text, sizeof text, "%ld", number);
  return write_cgroup(group, file, text);
}

static inline bool enter_cgroup(const struct cgroup *group, int32_t pid) {
  return set_cgroup_number(group, "cgroup.procs", pid);
}

static inline void remove_cgroup(const struct cgroup *group) {
  const struct timespec moment = { 0, 1000000 };
  /* What has just died leaves its group a moment later. */
  for (int tries = 0; tries < 2000 && rmdir(group->folder) != 0; tries++) nanosleep(&moment, NULL);
}

/* A group below that of this process, in which the controller works. */
static inline bool make_cgroup(struct cgroup *group, const char *controller) {
  char own[512], file[700];
  struct stat unused;
  if (!own_cgroup(controller, own, sizeof own)) return false;
  snprintf(group->folder, sizeof group->folder, "%s/cfutures-test-%d", own, (int)getpid());
  if (mkdir(group->folder, 0755) != 0) return false;
  bool fit = false;
  const char *const limits[] = { "pids.max", "memory.limit_in_bytes", "memory.max" };
  for (size_t i = 0; i < sizeof limits / sizeof *limits && !fit; i++) {
    snprintf(file, sizeof file, "%s/%s", group->folder, limits[i]);
    fit = strncmp(limits[i], controller, strlen(controller)) == 0 && stat(file, &unused) == 0;
  }
  if (!fit) remove_cgroup(group);
  return fit;
}

#endif
