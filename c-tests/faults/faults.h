/*
 * Faults on request: the n-th allocation or system call that the library makes fails.
 *
 * Used by the suites in this folder. faults.c holds the plan and the allocator, calls.c the system
 * calls: both define functions of the C library, so that the program's own stand before libc's for
 * every library in it. Always true: nothing fails but between faults_begin() and faults_end(), in the
 * processes and threads that the plan names; system calls fail only for the library under test, not
 * for the test or for libc itself. Of what fails nothing happens, but that close() closes.
 */
#ifndef CFUTURES_FAULTS_H
#define CFUTURES_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

/* X(name in calls.c): what can fail. FAULT_memory is each allocation, and each mmap too. */
#define FAULT_CALLS(X)                                                                             \
  X(memory)                                                                                        \
  X(mmap)                                                                                          \
  X(memfd_create)                                                                                  \
  X(ftruncate)                                                                                     \
  X(fallocate)                                                                                     \
  X(eventfd)                                                                                       \
  X(socketpair)                                                                                    \
  X(sendmsg)                                                                                       \
  X(recvmsg)                                                                                       \
  X(epoll_create1)                                                                                 \
  X(epoll_ctl)                                                                                     \
  X(epoll_wait)                                                                                    \
  X(clone)                                                                                         \
  X(fork)                                                                                          \
  X(execve)                                                                                        \
  X(pthread_create)                                                                                \
  X(pthread_key_create)                                                                            \
  X(pthread_setspecific)                                                                           \
  X(poll)                                                                                          \
  X(prctl)                                                                                         \
  X(open)                                                                                          \
  X(opendir)                                                                                       \
  X(read)                                                                                          \
  X(write)                                                                                         \
  X(close)                                                                                         \
  X(fcntl)                                                                                         \
  X(dup2)                                                                                          \
  X(signalfd)                                                                                      \
  X(getrandom)                                                                                     \
  X(getrlimit)                                                                                     \
  X(sched_getaffinity)                                                                             \
  X(madvise)                                                                                       \
  X(waitpid)                                                                                       \
  X(waitid)                                                                                        \
  X(pidfd_open)                                                                                    \
  X(pidfd_send_signal)                                                                             \
  X(close_range)                                                                                   \
  X(nanosleep)

enum fault_call {
#define FAULT_ENUM(name) FAULT_##name,
  FAULT_CALLS(FAULT_ENUM)
#undef FAULT_ENUM
      FAULT_COUNT
};
extern const char *const fault_names[FAULT_COUNT];

enum fault_scope {
  FAULT_CALLER, /* the thread that called faults_begin() */
  FAULT_HOST,   /* all threads of the test's process */
  FAULT_OTHERS, /* every process that descends from it */
};

struct fault {
  enum fault_call call;
  enum fault_scope scope;
  int error;   /* the errno */
  long nth;    /* from 1: the first that fails */
  long length; /* how many fail */
};

void faults_plan(const struct fault *fault); /* for the next faults_begin() */
void faults_begin(void);
void faults_end(void);
long faults_happened(void); /* since faults_plan() */

/* Of this process: blocks of the allocator, and bytes that the library has mapped. */
long faults_live_blocks(void);
long faults_live_bytes(void);

/* ------------------------------------------------------------ between faults.c and calls.c */

/* Should this call fail? Sets errno then. */
bool faults_strike(enum fault_call call);
void faults_mapped(long bytes);
void faults_look_up(void); /* the real calls: before any other */

#endif
