/*
 * Python: futures_process_pool_broken.py (Python Module of the Week) and conf10.py of the notebook.
 * Shows: a worker that is killed from outside, under both policies. CF_BREAK_POOL is Python's:
 * nothing can be started any more. CF_REPLACE_WORKER, the default, goes on with a new worker.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"

#include <signal.h>
#include <unistd.h>

static int32_t getpid_task(cf_task *task, void *arg, size_t arg_size) {
  long pid = (long)getpid();
  (void)arg;
  (void)arg_size;
  return cf_task_return(task, &pid, sizeof pid);
}

static cf_executor *make_pool(cf_on_worker_death policy) {
  cf_options *options;
  cf_executor *ex;
  must(cf_options_new(&options));
  must(cf_options_set_max_workers(options, 2));
  must(cf_options_set_on_worker_death(options, policy));
  must(cf_process_pool_new_with(options, &ex, NULL));
  cf_options_free(options);
  return ex;
}

static cf_status pid_of_a_worker(cf_executor *ex, long *pid) {
  cf_future *f;
  cf_status status = cf_executor_submit(ex, getpid_task, NULL, 0, &f);
  if (status != CF_OK) return status;
  status = cf_future_result_into(f, CF_FOREVER, pid, sizeof *pid);
  cf_future_release(f);
  return status;
}

static void kill_a_worker(cf_on_worker_death policy) {
  long pid1, pid2;
  cf_executor *ex = make_pool(policy);
  printf("getting the pid for one worker\n");
  must(pid_of_a_worker(ex, &pid1));

  printf("killing process %ld\n", pid1);
  kill((pid_t)pid1, SIGHUP);
  while (kill((pid_t)pid1, 0) == 0) sleep_seconds(0.001); /* until it is gone, */
  while (policy == CF_BREAK_POOL && cf_executor_error(ex) == NULL)
    sleep_seconds(0.001); /* and the pool has noticed */

  printf("submitting another task\n");
  cf_status status = pid_of_a_worker(ex, &pid2);
  if (status == CF_BROKEN_POOL)
    printf("could not start new tasks: %s\n", cf_error_message(cf_executor_error(ex)));
  else
    printf("it ran in %s process\n", pid1 == pid2 ? "the same" : "another");
  cf_executor_free(ex);
}

int main(void) {
  cf_worker_main();
  kill_a_worker(CF_BREAK_POOL);
  kill_a_worker(CF_REPLACE_WORKER);
  return 0;
}
