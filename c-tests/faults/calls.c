/*
 * The system calls that can fail, as functions of this program that stand before libc's.
 * The interface is faults.h.
 *
 * The real ones are looked up before main: a child that shares its parent's memory may not do that.
 * Whoever calls from outside of the library under test gets the real one.
 */
#define _GNU_SOURCE
#include "faults.h"

#include <cfutures.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---------------------------------------------------------------- who calls */

static uintptr_t library_begin, library_end;

static int find_library(struct dl_phdr_info *info, size_t size, void *address) {
  (void)size;
  for (int i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &info->dlpi_phdr[i];
    uintptr_t begin = info->dlpi_addr + part->p_vaddr;
    if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0) continue;
    if ((uintptr_t)address < begin || (uintptr_t)address >= begin + part->p_memsz) continue;
    library_begin = begin;
    library_end = begin + part->p_memsz;
    return 1;
  }
  return 0;
}

/* Only in the function that the library calls. */
#define STRIKES(call) (from_library(__builtin_return_address(0)) && faults_strike(FAULT_##call))

static bool from_library(const void *caller) {
  return (uintptr_t)caller - library_begin < library_end - library_begin;
}

/* ---------------------------------------------------------------- the real ones */

#define REAL(result, name, parameters) static result(*real_##name) parameters

REAL(void *, mmap, (void *, size_t, int, int, int, off_t));
REAL(int, munmap, (void *, size_t));
REAL(long, syscall, (long, ...));
REAL(int, clone, (int (*)(void *), void *, int, void *, ...));
REAL(int, fcntl, (int, int, ...));
REAL(int, prctl, (int, ...));
REAL(int, open, (const char *, int, ...));
REAL(DIR *, opendir, (const char *));
REAL(int, pthread_create, (pthread_t *, const pthread_attr_t *, void *(*)(void *), void *));
REAL(int, pthread_key_create, (pthread_key_t *, void (*)(void *)));
REAL(int, pthread_setspecific, (pthread_key_t, const void *));

/* Y(call, result, name, parameters, arguments): those that fail with -1. */
#define SIMPLE(Y)                                                                                  \
  Y(memfd_create, int, memfd_create, (const char *a, unsigned b), (a, b))                          \
  Y(ftruncate, int, ftruncate64, (int a, off64_t b), (a, b))                                       \
  Y(fallocate, int, fallocate64, (int a, int b, off64_t c, off64_t d), (a, b, c, d))               \
  Y(eventfd, int, eventfd, (unsigned a, int b), (a, b))                                            \
  Y(socketpair, int, socketpair, (int a, int b, int c, int d[2]), (a, b, c, d))                    \
  Y(sendmsg, ssize_t, sendmsg, (int a, const struct msghdr *b, int c), (a, b, c))                  \
  Y(recvmsg, ssize_t, recvmsg, (int a, struct msghdr *b, int c), (a, b, c))                        \
  Y(epoll_create1, int, epoll_create1, (int a), (a))                                               \
  Y(epoll_ctl, int, epoll_ctl, (int a, int b, int c, struct epoll_event *d), (a, b, c, d))         \
  Y(epoll_wait, int, epoll_wait, (int a, struct epoll_event *b, int c, int d), (a, b, c, d))       \
  Y(fork, pid_t, fork, (void), ())                                                                 \
  Y(execve, int, execve, (const char *a, char *const b[], char *const c[]), (a, b, c))             \
  Y(poll, int, poll, (struct pollfd * a, nfds_t b, int c), (a, b, c))                              \
  Y(read, ssize_t, read, (int a, void *b, size_t c), (a, b, c))                                    \
  Y(write, ssize_t, write, (int a, const void *b, size_t c), (a, b, c))                            \
  Y(dup2, int, dup2, (int a, int b), (a, b))                                                       \
  Y(signalfd, int, signalfd, (int a, const sigset_t *b, int c), (a, b, c))                         \
  Y(getrandom, ssize_t, getrandom, (void *a, size_t b, unsigned c), (a, b, c))                     \
  Y(getrlimit, int, getrlimit64, (__rlimit_resource_t a, struct rlimit64 * b), (a, b))             \
  Y(sched_getaffinity, int, sched_getaffinity, (pid_t a, size_t b, cpu_set_t * c), (a, b, c))      \
  Y(madvise, int, madvise, (void *a, size_t b, int c), (a, b, c))                                  \
  Y(waitpid, pid_t, waitpid, (pid_t a, int *b, int c), (a, b, c))                                  \
  Y(waitid, int, waitid, (idtype_t a, id_t b, siginfo_t * c, int d), (a, b, c, d))                 \
  Y(nanosleep, int, nanosleep, (const struct timespec *a, struct timespec *b), (a, b))

#define DEFINE(call, result, name, parameters, arguments)                                          \
  REAL(result, name, parameters);                                                                  \
  result name parameters {                                                                         \
    return STRIKES(call) ? -1 : real_##name arguments;                                             \
  }
SIMPLE(DEFINE)

REAL(int, close, (int));

/* The place of a function pointer is written as that of an object pointer, as POSIX has it. */
static void look_up(const char *name, void *place) {
  *(void **)place = dlsym(RTLD_NEXT, name);
  if (*(void **)place == NULL) abort();
}

void faults_look_up(void) {
#define LOOK_UP(call, result, name, parameters, arguments) look_up(#name, &real_##name);
  SIMPLE(LOOK_UP)
  look_up("mmap", &real_mmap);
  look_up("munmap", &real_munmap);
  look_up("syscall", &real_syscall);
  look_up("clone", &real_clone);
  look_up("close", &real_close);
  look_up("fcntl", &real_fcntl);
  look_up("prctl", &real_prctl);
  look_up("open", &real_open);
  look_up("opendir", &real_opendir);
  look_up("pthread_create", &real_pthread_create);
  look_up("pthread_key_create", &real_pthread_key_create);
  look_up("pthread_setspecific", &real_pthread_setspecific);
  union {
    uint32_t (*function)(void);
    void *address;
  } inside = { cf_version };
  if (dl_iterate_phdr(find_library, inside.address) != 1) abort();
}

/* ---------------------------------------------------------------- those with a form of their own */

int close(int fd) {
  int result = real_close(fd);
  return STRIKES(close) ? -1 : result;
}

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
  if (STRIKES(memory) || STRIKES(mmap)) return MAP_FAILED;
  void *p = real_mmap(at, size, protection, flags, fd, offset);
  if (p != MAP_FAILED) faults_mapped((long)size);
  return p;
}

/* Whoever calls: as the last deed of a thread's destructor it returns to libc, not to the library. */
int munmap(void *at, size_t size) {
  int result = real_munmap(at, size);
  if (result == 0) faults_mapped(-(long)size);
  return result;
}

DIR *opendir(const char *path) {
  return STRIKES(opendir) ? NULL : real_opendir(path);
}

int pthread_create(pthread_t *out, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *arg) {
  return STRIKES(pthread_create) ? errno : real_pthread_create(out, attributes, run, arg);
}

int pthread_key_create(pthread_key_t *out, void (*destroy)(void *)) {
  return STRIKES(pthread_key_create) ? errno : real_pthread_key_create(out, destroy);
}

int pthread_setspecific(pthread_key_t key, const void *value) {
  return STRIKES(pthread_setspecific) ? errno : real_pthread_setspecific(key, value);
}

/* The library never asks for more than these four. */
int clone(int (*run)(void *), void *stack, int flags, void *arg, ...) {
  return STRIKES(clone) ? -1 : real_clone(run, stack, flags, arg);
}

/* Reads one more argument than may have been passed, as libc itself does. */
#define NEXT(type, last, name)                                                                     \
  va_list list;                                                                                    \
  va_start(list, last);                                                                            \
  type name = va_arg(list, type);                                                                  \
  va_end(list)

int fcntl(int fd, int command, ...) {
  NEXT(void *, command, arg);
  return STRIKES(fcntl) ? -1 : real_fcntl(fd, command, arg);
}

int open(const char *path, int flags, ...) {
  NEXT(unsigned, flags, mode);
  return STRIKES(open) ? -1 : real_open(path, flags, mode);
}

static void six(va_list list, long a[6]) {
  for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
}

int prctl(int option, ...) {
  va_list list;
  long a[6];
  va_start(list, option);
  six(list, a);
  va_end(list);
  return STRIKES(prctl) ? -1 : real_prctl(option, a[0], a[1], a[2], a[3]);
}

static enum fault_call call_of(long number) {
  switch (number) {
  case SYS_clone: return FAULT_clone;
  case SYS_pidfd_open: return FAULT_pidfd_open;
  case SYS_pidfd_send_signal: return FAULT_pidfd_send_signal;
  case SYS_close_range: return FAULT_close_range;
  default: return FAULT_COUNT;
  }
}

long syscall(long number, ...) {
  va_list list;
  long a[6];
  va_start(list, number);
  six(list, a);
  va_end(list);
  if (from_library(__builtin_return_address(0)) && faults_strike(call_of(number))) return -1;
  return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Other names of the same. */
void *mmap64(void *, size_t, int, int, int, off64_t) __attribute__((alias("mmap")));
int open64(const char *, int, ...) __attribute__((alias("open")));
int getrlimit(__rlimit_resource_t, struct rlimit *) __attribute__((alias("getrlimit64")));
