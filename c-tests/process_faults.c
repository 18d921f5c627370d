/*
 * Shows: workers that misbehave without dying at once. Tasks that jump out of themselves, close
 * every descriptor, leave a child behind that holds on to what they had or that writes when its
 * worker is long dead; workers that stand still; and hosts whose program file is replaced, that run
 * another program, or whose descriptors became somebody else's.
 */
#define _GNU_SOURCE
#include "processes.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* ---------------------------------------------------------------- tasks that do not come back */

static jmp_buf before_the_pool;

static int32_t jumping_task(cf_task *task, void *arg, size_t arg_size) {
  (void)task;
  (void)arg;
  (void)arg_size;
  longjmp(before_the_pool, 1);
}

/* A worker that goes on as if it were the host has not done its task. */
CF_TEST_PLAIN(a_task_that_jumps_out_has_died) {
  CF_FORK_ONLY("a spawned worker has no place of the host to jump to");
  const int32_t host = (int32_t)getpid();
  if (setjmp(before_the_pool) != 0) _exit(host != (int32_t)getpid() ? 55 : 56);
  cf_executor *one = make_executor(1);
  for (int i = 0; i < 3; i++) expect_last_death(submit_bytes(one, jumping_task, NULL, 0), 0, 55);
  expect_works(one);
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- descriptors of a worker */

static int32_t closing_task(cf_task *task, void *arg, size_t arg_size) {
  const int32_t value = 5;
  (void)arg;
  (void)arg_size;
  for (int fd = 0; fd < 4096; fd++) close(fd);
  return cf_task_return(task, &value, sizeof value);
}

/* It may serve on or count as dead: no future is left open, and the pool works. */
CF_TEST(a_worker_that_closes_all_its_descriptors) {
  for (int i = 0; i < 5; i++) {
    cf_future *f = submit_bytes(ex, closing_task, NULL, 0);
    cf_status status = cf_future_result(f, CF_FOREVER, NULL, NULL);
    if (status == CF_OK)
      ASSERT_VALUE(5, f);
    else
      ASSERT_STATUS(CF_WORKER_DIED, status);
    cf_future_release(f);
    expect_works(ex);
  }
}

static void be_killed_with_deaf_workers(void *arg) {
  cf_executor *two = make_executor(2);
  cf_future *f = submit_bytes(two, closing_task, NULL, 0);
  cf_future_result(f, CF_FOREVER, NULL, NULL);
  gate_arrive(arg, 1);
  for (;;) pause();
}

/* Such a worker ends with its host all the same. */
CF_TEST_PLAIN(a_worker_without_descriptors_ends_with_its_host) {
  gate g = gate_make();
  pid_t host = fork();
  ASSERT(host >= 0);
  if (host == 0) {
    check_host = (int32_t)getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    be_killed_with_deaf_workers(&g);
  }
  gate_await(&g, 1);
  ASSERT(kill(host, SIGKILL) == 0 && waitpid(host, NULL, 0) == host);
  await_no_process();
  gate_close(&g);
}

/* ---------------------------------------------------------------- children of a task */

struct copied {
  gate g;
  int32_t returns; /* the child goes back into the library, as its worker would */
};

/* Its child has all that the worker had, in a session of its own, and outlives it. */
static int32_t leaving_child_task(cf_task *task, void *arg, size_t arg_size) {
  struct copied copied; /* its own: the argument's place is another task's soon */
  const int32_t wrong = 666;
  ASSERT_EQ_SIZE(sizeof copied, arg_size);
  memcpy(&copied, arg, sizeof copied);
  pid_t child = fork();
  ASSERT(child >= 0);
  if (child != 0) _exit(4);
  setsid();
  gate_arrive(&copied.g, 0);
  gate_pass(&copied.g); /* by then its worker is dead, and others have had its place */
  void *buffer = copied.returns ? NULL : cf_task_result_buffer(task, sizeof wrong);
  if (buffer != NULL) memcpy(buffer, &wrong, sizeof wrong);
  int32_t code = cf_task_return(task, &wrong, sizeof wrong);
  if (copied.returns) return code;
  _exit(0);
}

/* A death is told though a grandchild holds every descriptor open; and what such a copy writes
 * late, to a task that is over, changes no other task's result. */
CF_TEST_PLAIN(a_copy_that_outlives_its_worker_changes_nothing) {
  for (int32_t returns = 0; returns < 2; returns++) {
    struct copied copied = { gate_make(), returns };
    cf_executor *one = make_executor(1);
    cf_future *fs[200];
    cf_future *f = submit_bytes(one, leaving_child_task, &copied, sizeof copied);
    gate_await(&copied.g, 1);
    expect_last_death(f, 0, 4);
    expect_works(one);
    const size_t processes = process_count();
    gate_open(&copied.g, 1);
    for (int32_t round = 0; round < 20; round++) {
      for (int32_t i = 0; i < 200; i++) fs[i] = submit_value(one, i);
      for (int32_t i = 0; i < 200; i++) ASSERT_VALUE(i, fs[i]);
      cf_futures_release(fs, 200);
    }
    while (process_count() >= processes) wait_a_moment(); /* the copy has ended */
    expect_works(one);
    cf_executor_free(one);
    gate_close(&copied.g);
  }
}

/* ---------------------------------------------------------------- workers that stand still */

/* A worker that is stopped, or runs for ever, is ended when somebody asks for it. */
CF_TEST_PLAIN(a_stopped_worker_can_be_killed) {
  cf_executor *one = make_executor(1);
  for (int round = 0; round < 3; round++) {
    gate g = gate_make();
    const int32_t pid = pid_of_next_task(one);
    cf_future *f = submit_gated(one, &g, 5);
    gate_await(&g, 1);
    ASSERT(stop_process(pid));
    ASSERT_OK(cf_future_kill(f, round == 0 ? 0 : CF_SHORT));
    ASSERT_STATUS(CF_CANCELLED, cf_future_result(f, CF_FOREVER, NULL, NULL));
    cf_future_release(f);
    await_gone(pid);
    expect_works(one);
    gate_close(&g);
  }
  cf_executor_free(one);
}

/* ---------------------------------------------------------------- files that are replaced */

/* By name: functions of this program are not known to another one. */
__attribute__((constructor)) static void register_functions(void) {
  ASSERT_OK(cf_register_task("cfutures-test.value", value_task));
  ASSERT_OK(cf_register_task("cfutures-test.pid", pid_task));
}

/* An update puts another file where the program was. A pool that runs does not look at it: its
 * workers are copies of a process that has long started. A new pool is told if it does not fit. */
CF_TEST_PLAIN(a_program_that_is_replaced_while_it_runs) {
  char folder[] = "/tmp/cfutures-test-XXXXXX", program[64], other[64];
  cf_executor *one = NULL, *none = NULL;
  cf_error *error = NULL;
  if (!check_is_spawn()) {
    check_skip("forked workers need no file");
    return;
  }
  ASSERT(mkdtemp(folder) != NULL);
  snprintf(program, sizeof program, "%s/worker", folder);
  snprintf(other, sizeof other, "%s/other", folder);
  copy_file("/proc/self/exe", program);
  copy_file("/bin/true", other);
  ASSERT_OK(make_with_program(program, &one, NULL));
  expect_works(one);
  ASSERT(rename(other, program) == 0);
  for (int i = 0; i < 5; i++) {
    kill_and_await(pid_of_next_task(one));
    expect_works(one);
  }
  ASSERT(make_with_program(program, &none, &error) != CF_OK);
  ASSERT(none == NULL && cf_error_message(error)[0] != '\0');
  cf_error_free(error);
  ASSERT(unlink(program) == 0);
  error = NULL;
  ASSERT(make_with_program(program, &none, &error) != CF_OK);
  ASSERT(none == NULL);
  cf_error_free(error);
  kill_and_await(pid_of_next_task(one));
  expect_works(one);
  cf_executor_free(one);
  ASSERT(rmdir(folder) == 0);
}

/* ---------------------------------------------------------------- hosts that become others */

static void run_another_program(int input, gate *g, gate *ready) {
  char *const argv[] = { (char *)"sh", (char *)"-c", (char *)"read line", NULL };
  char *const nothing[] = { NULL }; /* nor the mark: it is none of the pool's processes */
  cf_executor *two = make_executor(2);
  expect_works(two);
  cf_future_release(submit_gated(two, g, 1));
  gate_await(g, 1);
  gate_arrive(ready, 1);
  ASSERT(dup2(input, STDIN_FILENO) == STDIN_FILENO);
  execve("/bin/sh", argv, nothing);
  _exit(77);
}

/* A host that becomes another program keeps its pid, and loses its pool. */
CF_TEST_PLAIN(workers_end_when_their_host_runs_another_program) {
  int input[2];
  gate g = gate_make(), ready = gate_make();
  ASSERT(pipe2(input, O_CLOEXEC) == 0);
  pid_t host = fork();
  ASSERT(host >= 0);
  if (host == 0) {
    check_host = (int32_t)getpid();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    run_another_program(input[0], &g, &ready);
  }
  gate_await(&ready, 1); /* a worker runs, or has run */
  await_no_process();    /* ... while the other program runs: it still waits for its line */
  int status = 0;
  ASSERT_EQ_INT(0, waitpid(host, &status, WNOHANG));
  close(input[0]);
  close(input[1]);
  ASSERT(waitpid(host, &status, 0) == host);
  ASSERT(WIFEXITED(status) && WEXITSTATUS(status) == 1); /* the end of its input */
  gate_close(&g);
  gate_close(&ready);
}

/* ---------------------------------------------------------------- numbers that others have now */

enum { NUMBERS = 600, FULL = 4096, KINDS = 3, COUNT = 5 };

/* In a child: closes all that there is, has files of its own under every number that is free then, and goes on with
 * the pool, which may open new ones meanwhile. By turns a number is for writing to an empty pipe, for reading from a full
 * one, and an eventfd, as the pool's own bell is; `first` says which of them the lowest is. */
static void use_a_pool_without_descriptors(size_t first) {
  struct stat before[NUMBERS], after;
  bool mine[NUMBERS] = { false };
  cf_executor *two = make_executor(2);
  expect_works(two);
  close_all_descriptors();
  int empty[2], full[2];
  const char content[FULL] = { 0 };
  ASSERT(pipe(empty) == 0 && pipe(full) == 0 && write(full[1], content, FULL) == FULL);
  const int counts = eventfd(COUNT, EFD_NONBLOCK);
  const int kinds[KINDS] = { empty[1], full[0], counts };
  for (int fd = counts; fd < NUMBERS; fd = fcntl(kinds[first++ % KINDS], F_DUPFD, 3)) {
    ASSERT(fd >= 0 && fstat(fd, &before[fd]) == 0);
    mine[fd] = true;
  }
  for (int i = 0; i < 10; i++) {
    const int32_t value = 6;
    cf_future *f = NULL;
    cf_status status = cf_executor_submit(two, value_task, &value, sizeof value, &f);
    if (status == CF_OK) status = cf_future_result(f, cf_seconds(20), NULL, NULL);
    ASSERT(status == CF_OK || status == CF_WORKER_DIED || status == CF_BROKEN_POOL);
    cf_future_release(f);
  }
  cf_executor_free(two);
  int waiting = 0;
  ASSERT(ioctl(empty[0], FIONREAD, &waiting) == 0);
  ASSERT_EQ_INT(0, waiting); /* nothing was written */
  ASSERT(ioctl(full[0], FIONREAD, &waiting) == 0);
  ASSERT_EQ_INT(FULL, waiting); /* nor read */
  eventfd_t count = 0;
  ASSERT(eventfd_read(counts, &count) == 0 && count == COUNT);
  for (int fd = 3; fd < NUMBERS; fd++) {
    if (!mine[fd]) continue;
    if (fstat(fd, &after) != 0) check_fail(__FILE__, __LINE__, "descriptor %d was closed", fd);
    ASSERT(before[fd].st_ino == after.st_ino && before[fd].st_dev == after.st_dev);
  }
}

/* Nothing is read from, written to or closed under a number that has become the program's. */
CF_TEST_PLAIN(descriptors_that_became_the_hosts_are_left_alone) {
  for (size_t first = 0; first < KINDS; first++) {
    pid_t host = fork();
    ASSERT(host >= 0);
    if (host == 0) {
      check_host = (int32_t)getpid();
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      use_a_pool_without_descriptors(first);
      _exit(0);
    }
    int status = 0;
    ASSERT(waitpid(host, &status, 0) == host);
    ASSERT_EQ_INT(0, status);
  }
}

/* ---------------------------------------------------------------- secrets */

/* Pages that a program keeps from its children stay away from workers. */
static unsigned char *secret;

static int32_t look_at_secret_task(cf_task *task, void *arg, size_t arg_size) {
  (void)arg;
  (void)arg_size;
  const int32_t seen = secret[0];
  return cf_task_return(task, &seen, sizeof seen);
}

CF_TEST_PLAIN(workers_do_not_have_what_is_kept_from_children) {
  CF_FORK_ONLY("a spawned worker has no memory of the host");
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  secret = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT(secret != MAP_FAILED);
  memset(secret, 42, page);
  ASSERT(madvise(secret, page, MADV_WIPEONFORK) == 0);
  cf_executor *one = make_executor(1);
  cf_future *f = submit_bytes(one, look_at_secret_task, NULL, 0);
  ASSERT_VALUE(0, f);
  ASSERT_EQ_INT(42, secret[0]);
  cf_future_release(f);
  cf_executor_free(one);
  ASSERT(munmap(secret, page) == 0);
}
