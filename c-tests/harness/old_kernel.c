/*
 * old_kernel <program> [argument ...]: runs a program as a kernel before 5.3 would, without descriptors of
 * processes and the calls that came with them. They fail as they do there, for everything that the program
 * starts too. Run by the check "old-kernel" around ctest.
 *
 * A filter of system calls cannot play everything: MAP_FIXED_NOREPLACE stays known.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__x86_64__)
#define ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#ifdef ARCHITECTURE

/* Newer than some libc's headers; the same on every machine. */
#define NR_pidfd_send_signal 424
#define NR_pidfd_open 434
#define NR_clone3 435
#define NR_close_range 436
#define NR_openat2 437
#define NR_pidfd_getfd 438
#define NR_faccessat2 439
#define NR_epoll_pwait2 441
#define NR_futex_waitv 449

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define SKIP_UNLESS(value, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, n)
#define SKIP_UNLESS_ANY(bits, n) BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, n)
#define ANSWER(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))
#define ALLOW BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* A call that is not there. */
#define UNKNOWN(number) SKIP_UNLESS(number, 1), ANSWER(ENOSYS)
/* A call with an argument that is not known: the kernels on which this runs are little-endian. */
#define UNKNOWN_ARGUMENT(number, at, test, error)                                                  \
  SKIP_UNLESS(number, 4), LOAD(args[at]), test, ANSWER(error), ALLOW

#define P_PIDFD_OF_THE_KERNEL 3
#define MFD_OF_OLD 7u /* close-on-exec, sealing, huge pages */
#define PIDFD_GET_INFO 0xc040ff0bu

static int play_old_kernel(void) {
  struct sock_filter code[] = {
    LOAD(arch),
    SKIP_UNLESS(ARCHITECTURE, 1),
    BPF_STMT(BPF_JMP | BPF_JA, 1),
    ALLOW,
    LOAD(nr),
    UNKNOWN(NR_pidfd_send_signal),
    UNKNOWN(NR_pidfd_open),
    UNKNOWN(NR_clone3),
    UNKNOWN(NR_close_range),
    UNKNOWN(NR_openat2),
    UNKNOWN(NR_pidfd_getfd),
    UNKNOWN(NR_faccessat2),
    UNKNOWN(NR_epoll_pwait2),
    UNKNOWN(NR_futex_waitv),
    UNKNOWN_ARGUMENT(SYS_waitid, 0, SKIP_UNLESS(P_PIDFD_OF_THE_KERNEL, 1), EINVAL),
    UNKNOWN_ARGUMENT(SYS_memfd_create, 1, SKIP_UNLESS_ANY(~MFD_OF_OLD, 1), EINVAL),
    UNKNOWN_ARGUMENT(SYS_ioctl, 1, SKIP_UNLESS(PIDFD_GET_INFO, 1), ENOTTY),
    ALLOW,
  };
  struct sock_fprog filter = { sizeof code / sizeof *code, code };
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

/* The filter does what it is there for, and no more. */
static int is_old_kernel(void) {
  siginfo_t info;
  int file = memfd_create("old", MFD_CLOEXEC);
  if (file < 0 || close(file) != 0) return 0;
#define FAILS(call, error) ((call) == -1 && errno == (error))
  return FAILS(memfd_create("new", MFD_OF_OLD + 1), EINVAL) &&
         FAILS(syscall(NR_pidfd_open, getpid(), 0), ENOSYS) &&
         FAILS(syscall(NR_pidfd_send_signal, 0, 0, NULL, 0), ENOSYS) &&
         FAILS(syscall(NR_clone3, NULL, 0), ENOSYS) &&
         FAILS(syscall(NR_close_range, 1000, 1000, 0), ENOSYS) &&
         FAILS(syscall(SYS_waitid, P_PIDFD_OF_THE_KERNEL, 0, &info, WEXITED, NULL), EINVAL) &&
         FAILS(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED, NULL), ECHILD);
}

int main(int argc, char **argv) {
  if (argc < 2) {
    fprintf(stderr, "usage: %s <program> [argument ...]\n", argv[0]);
    return 2;
  }
  if (!play_old_kernel()) {
    fprintf(stderr, "no old kernel is played here: %s\n", strerror(errno));
    return 2;
  }
  if (!is_old_kernel()) {
    fprintf(stderr, "%s: the filter does not do what it is there for\n", argv[0]);
    return 2;
  }
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 127;
}

#else
int main(int argc, char **argv) {
  (void)argc;
  (void)argv;
  fprintf(stderr, "no old kernel is played here: it is another machine\n");
  return 2;
}
#endif
