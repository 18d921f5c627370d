/* Worker processes that run Go functions.
 *
 * A spawned pool runs this very program, which forks its workers: that needs a process with a single thread, and
 * Go has several before main. So cf_worker_main() is called by a constructor, before Go is there. In an ordinary
 * process it returns at once, and Go starts as ever. In a worker process there is no Go until the first task that
 * needs it: then a thread of its own enters main(), which in a program of Go is the start of its runtime; the
 * package's init functions run, the program's main calls WorkerMain, and that stays there and lets the tasks in.
 * Tasks that are C functions never start it. (A library that is built by -buildmode=c-shared starts Go in a
 * thread of its own just so.)
 *
 * Called by: the loader; the library, in worker processes. */
#include "bridge.h"
#include "_cgo_export.h"

#include <pthread.h>
#include <unistd.h>

/* The start of Go's runtime. There is none in a library of Go, which then starts no workers. */
extern int main(int argc, char **argv) __attribute__((weak));

static struct {
  int count;
  char **values;
} arguments;

static pthread_once_t go_once = PTHREAD_ONCE_INIT;
static int go_error;
static bool in_worker;

/* The C library gives constructors of a program the arguments of main. */
__attribute__((constructor)) static void serve_if_asked(int argc, char **argv) {
  arguments.count = argc;
  arguments.values = argv;
  if (main != NULL) cf_worker_main();
}

static void *go_main(void *nothing) {
  (void)nothing;
  main(arguments.count, arguments.values);
  return NULL;
}

static void start_go(void) {
  pthread_t thread;
  in_worker = true;
  go_error = pthread_create(&thread, NULL, go_main, NULL);
  if (go_error == 0) pthread_detach(thread);
}

bool cfgo_in_worker(void) {
  return in_worker;
}

void cfgo_park(void) {
  for (;;) pause();
}

/* The export waits until Go is there. */
int32_t cfgo_registered_task(cf_task *task, void *arg, size_t arg_size) {
  pthread_once(&go_once, start_go);
  if (go_error != 0) return cf_task_fail(task, go_error, "there is no thread for Go to start in");
  return cfgoRunRegistered(task, arg, arg_size, (uintptr_t)pthread_self());
}
