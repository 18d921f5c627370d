/*
 * The plan of faults, which all processes of a test share, and an allocator that keeps to it.
 * The interface is faults.h.
 *
 * The plan lies in a file in memory that forked processes inherit as a mapping and executed ones find
 * through the environment, so that a fault ends everywhere at once. The allocator is libc's, by its
 * internal names: looking them up would allocate.
 */
#define _GNU_SOURCE
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *const fault_names[FAULT_COUNT] = {
#define FAULT_NAME(name) #name,
  FAULT_CALLS(FAULT_NAME)
#undef FAULT_NAME
};

struct plan {
  struct fault fault;
  int on;
  pid_t host;
  long seen, happened;
};

static const char variable[] = "CF_TEST_FAULTS";
static struct plan nothing_planned;
static struct plan *plan = &nothing_planned;
static __thread int caller; /* this thread is between faults_begin() and faults_end() */
static long blocks, bytes;

/* Before the constructors of libraries, which may make calls that are functions here. */
__attribute__((section(".preinit_array"),
               used)) static void (*const before_all)(void) = faults_look_up;

/* Before any other constructor: a spawned worker never gets further than those. */
__attribute__((constructor(101))) static void find_plan(void) {
  char path[64];
  const char *given = getenv(variable);
  int fd = given != NULL ? open(given, O_RDWR | O_CLOEXEC) : -1;
  int own = -1;
  if (fd < 0) {
    /* It stays open, also where a suite starts its program anew. */
    own = memfd_create("cf-test-faults", 0);
    if (own < 0 || ftruncate(own, sizeof *plan) != 0) abort();
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)getpid(), own);
    setenv(variable, path, 1);
  }
  void *p = mmap(NULL, sizeof *plan, PROT_READ | PROT_WRITE, MAP_SHARED, fd < 0 ? own : fd, 0);
  if (p == MAP_FAILED) abort();
  if (fd >= 0) close(fd);
  plan = p;
}

void faults_plan(const struct fault *fault) {
  plan->fault = *fault;
  plan->seen = plan->happened = 0;
  plan->host = getpid();
}

void faults_begin(void) {
  caller = 1;
  __atomic_store_n(&plan->on, 1, __ATOMIC_SEQ_CST);
}

void faults_end(void) {
  int keep = errno;
  __atomic_store_n(&plan->on, 0, __ATOMIC_SEQ_CST);
  caller = 0;
  errno = keep;
}

long faults_happened(void) {
  return __atomic_load_n(&plan->happened, __ATOMIC_SEQ_CST);
}

static bool in_scope(void) {
  bool host = getpid() == plan->host;
  switch (plan->fault.scope) {
  case FAULT_CALLER: return host && caller;
  case FAULT_HOST: return host;
  default: return !host;
  }
}

bool faults_strike(enum fault_call call) {
  if (!__atomic_load_n(&plan->on, __ATOMIC_SEQ_CST) || plan->fault.call != call || !in_scope())
    return false;
  long n = __atomic_add_fetch(&plan->seen, 1, __ATOMIC_SEQ_CST);
  if (n < plan->fault.nth || n - plan->fault.nth >= plan->fault.length) return false;
  __atomic_add_fetch(&plan->happened, 1, __ATOMIC_SEQ_CST);
  errno = plan->fault.error;
  return true;
}

/* ---------------------------------------------------------------- the allocator */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);
extern void __libc_free(void *p);

static void *counted(void *p) {
  if (p != NULL) __atomic_add_fetch(&blocks, 1, __ATOMIC_RELAXED);
  return p;
}

long faults_live_blocks(void) {
  return __atomic_load_n(&blocks, __ATOMIC_SEQ_CST);
}

long faults_live_bytes(void) {
  return __atomic_load_n(&bytes, __ATOMIC_SEQ_CST);
}

void faults_mapped(long more) {
  __atomic_add_fetch(&bytes, more, __ATOMIC_SEQ_CST);
}

void *malloc(size_t size) {
  return faults_strike(FAULT_memory) ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size) {
  return faults_strike(FAULT_memory) ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *p, size_t size) {
  if (faults_strike(FAULT_memory)) return NULL;
  void *new = __libc_realloc(p, size);
  return p == NULL ? counted(new) : new;
}

void *memalign(size_t align, size_t size) {
  return faults_strike(FAULT_memory) ? NULL : counted(__libc_memalign(align, size));
}

void *aligned_alloc(size_t align, size_t size) {
  return memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size) {
  int keep = errno;
  void *p = memalign(align, size);
  errno = keep;
  if (p == NULL) return ENOMEM;
  *out = p;
  return 0;
}

void free(void *p) {
  if (p == NULL) return;
  __atomic_sub_fetch(&blocks, 1, __ATOMIC_RELAXED);
  __libc_free(p);
}
