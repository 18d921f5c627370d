/*
 * What belongs to a suite beyond its own process: which processes descend from it, and what memory
 * it shares with them. The interface is check.h.
 *
 * A descendant may have another parent, group and session by now, and under parallel runs the same
 * program runs several times. So a suite over processes marks itself: it starts its program anew
 * with its own pid in the environment, and every descendant shows that mark in /proc/<pid>/environ.
 */
#define _GNU_SOURCE
#include "../check.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char mark[] = "CF_TEST_HOST";

int32_t check_host;
static int32_t marked_as; /* the pid in the mark, of the suite's first process */

/* A worker that a spawn pool has started learns here whom it serves; so does everybody else. */
__attribute__((constructor)) static void learn_host(void) {
  const char *host = getenv(mark);
  marked_as = check_host = host != NULL ? (int32_t)strtol(host, NULL, 10) : (int32_t)getpid();
}

void check_mark_processes(char **argv, const char *kind) {
  char own[16];
  snprintf(own, sizeof own, "%d", (int)getpid());
  const char *host = getenv(mark);
  if (check_is_threads() || (host != NULL && strcmp(host, own) == 0)) {
    marked_as = check_host = (int32_t)getpid();
    return;
  }
  char path[4096]; /* not /proc/self/exe: the system would call the process "exe" */
  ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);
  ASSERT(length > 0);
  path[length] = '\0';
  ASSERT(setenv(mark, own, 1) == 0 && setenv("CF_TEST_KIND", kind, 1) == 0);
  execv(path, argv);
  check_fail(__FILE__, __LINE__, "the program cannot start itself anew");
}

/* ---------------------------------------------------------------- looking at processes */

/* Up to `room` bytes of /proc/<pid>/<file>; 0 when the process is gone or not ours to look at. */
static size_t read_of(int32_t pid, const char *file, char *text, size_t room) {
  char path[64];
  size_t length = 0;
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  for (ssize_t n; length < room && (n = read(fd, text + length, room - length)) > 0;)
    length += (size_t)n;
  close(fd);
  return length;
}

/* A dead process has no environment any more, so zombies do not count. */
static bool is_marked(int32_t pid) {
  static char environment[1 << 16];
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  char expected[40];
  bool found = false;
  int size = snprintf(expected, sizeof expected, "%s=%d", mark, (int)marked_as) + 1;
  pthread_mutex_lock(&lock);
  size_t length = read_of(pid, "environ", environment, sizeof environment);
  for (size_t at = 0; at + (size_t)size <= length && !found;) {
    found = memcmp(environment + at, expected, (size_t)size) == 0;
    const char *end = memchr(environment + at, '\0', length - at);
    if (end == NULL) break;
    at = (size_t)(end - environment) + 1;
  }
  pthread_mutex_unlock(&lock);
  return found;
}

static bool is_called(int32_t pid, const char *name) {
  char comm[32];
  size_t length = read_of(pid, "comm", comm, sizeof comm - 1);
  comm[length] = '\0';
  comm[strcspn(comm, "\n")] = '\0';
  return strcmp(comm, name) == 0;
}

size_t find_processes(const char *name, int32_t *pids, size_t room) {
  size_t count = 0;
  DIR *dir = opendir("/proc");
  ASSERT(dir != NULL);
  for (struct dirent *entry; count < room && (entry = readdir(dir)) != NULL;) {
    if (!isdigit((unsigned char)entry->d_name[0])) continue;
    int32_t pid = (int32_t)strtol(entry->d_name, NULL, 10);
    if (pid == (int32_t)getpid() || pid == marked_as || !is_marked(pid)) continue;
    if (name == NULL || is_called(pid, name)) pids[count++] = pid;
  }
  closedir(dir);
  return count;
}

/* Through a pidfd, and looked at again: the number may have become another process's. An old kernel has none, and
 * what the number means may change between two lines. */
bool signal_process(int32_t pid, int number) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0 && errno == ENOSYS) return is_marked(pid) && kill(pid, number) == 0;
  if (fd < 0) return false;
  bool sent = is_marked(pid) && syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) == 0;
  close(fd);
  return sent;
}

void close_all_descriptors(void) {
  if (syscall(SYS_close_range, 3, ~0u, 0) == 0) return;
  ASSERT(errno == ENOSYS);
  for (int fd = 3; fd < 1 << 16; fd++) close(fd);
}

size_t process_count(void) {
  int32_t pids[4096];
  return find_processes(NULL, pids, sizeof pids / sizeof pids[0]);
}

void await_no_process(void) {
  while (process_count() > 0) sched_yield();
}

/* What stands behind the name, which may hold anything: " S 1234 ..." */
static bool look_at_process(int32_t pid, char *state, int *parent) {
  char stat[512];
  size_t length = read_of(pid, "stat", stat, sizeof stat - 1);
  stat[length] = '\0';
  const char *behind = strrchr(stat, ')');
  return behind != NULL && sscanf(behind + 1, " %c %d", state, parent) == 2;
}

char process_state(int32_t pid) {
  char state = '\0';
  int parent = 0;
  if (!look_at_process(pid, &state, &parent) || state == 'Z' || state == 'X') return '\0';
  return state;
}

int32_t process_parent(int32_t pid) {
  char state = '\0';
  int parent = 0;
  return look_at_process(pid, &state, &parent) ? (int32_t)parent : 0;
}

void check_list_processes(void) {
  int32_t pids[100];
  size_t count = find_processes(NULL, pids, 100);
  for (size_t i = 0; i < count; i++) {
    char stat[128];
    size_t length = read_of(pids[i], "stat", stat, sizeof stat - 1);
    fprintf(stderr, "  process %.*s\n", (int)length, stat);
  }
}

size_t shared_mapping_count(void) {
  char line[512];
  size_t count = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  ASSERT(maps != NULL);
  while (fgets(line, sizeof line, maps) != NULL) {
    const char *space = strchr(line, ' ');
    count += space != NULL && space[4] == 's'; /* "rw-s" */
  }
  fclose(maps);
  return count;
}

size_t mapped_bytes(void) {
  unsigned long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  ASSERT(file != NULL);
  ASSERT(fscanf(file, "%lu", &pages) == 1);
  fclose(file);
  return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}
