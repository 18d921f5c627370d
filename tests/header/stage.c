/*
 * Where the examples of the header's comments run: makes what prelude.h declares, and calls the example in
 * the task of a map, so that it has a running call as well. `stage <mode>`, see docs/tools/stage.py.
 *
 * Nothing is freed at the end: some examples free what they use.
 */
#include "prelude.h"

cf_executor *executor;
cf_options *options;
cf_error *error;
cf_future *future;
cf_future *futures[8];
size_t count = 8;
cf_completions *completions;
cf_completion_queue *queue;
cf_map_options *map_options;
cf_map *map;
int numbers[1000];
double values[8];
char *arguments[] = { (char *)"program", NULL };
cf_task *task;
void *arg;
size_t arg_size;

int32_t task_square(cf_task *running, void *item, size_t size) {
  int n = *(int *)item, result = n * n;
  (void)size;
  return cf_task_return(running, &result, sizeof result);
}

/* Newton's method, so that no library of mathematics is needed. */
int32_t task_root(cf_task *running, void *item, size_t size) {
  double n = *(int *)item, root = n;
  (void)size;
  for (int i = 0; i < 40 && root > 0; i++) root = (root + n / root) / 2;
  return cf_task_return(running, &root, sizeof root);
}

int32_t task_power(cf_task *running, void *item, size_t size) {
  const int *pair = item;
  int power = 1;
  (void)size;
  for (int i = 0; i < pair[1]; i++) power *= pair[0];
  return cf_task_return(running, &power, sizeof power);
}

int32_t task_print(cf_task *running, void *text, size_t size) {
  (void)running, (void)size;
  return puts(text) == EOF;
}

int32_t task_seed(cf_task *running, void *seed, size_t size) {
  (void)running, (void)size;
  srand(*(unsigned *)seed);
  return 0;
}

void print_when_done(cf_future *done, void *user_data) {
  printf("%s: %s\n", (char *)user_data, cf_error_message(cf_future_error(done)));
}

static void must(cf_status status) {
  if (status == CF_OK) return;
  fprintf(stderr, "%s\n", cf_status_message(status));
  exit(1);
}

static char *url_copy(void) {
  char *url = malloc(sizeof "http://localhost");
  if (url == NULL) exit(1);
  return strcpy(url, "http://localhost");
}

static void set_up(const char *mode) {
  for (int i = 0; i < 1000; i++) numbers[i] = i;
  if (strcmp(mode, "processes") == 0)
    must(cf_process_pool_new(2, &executor, NULL));
  else
    must(cf_thread_pool_new(2, &executor, NULL));
  if (strcmp(mode, "by-hand") == 0)
    must(cf_future_new(&future));
  else
    must(cf_executor_submit(executor, task_square, numbers + 7, sizeof(int), &future));
  must(cf_future_set_user_data(future, url_copy(), free));
  must(cf_executor_submit_many(executor, task_square, numbers, sizeof(int), 8, futures, NULL));
  must(cf_as_completed(futures, 8, CF_FOREVER, &completions));
  must(cf_completion_queue_new(&queue));
  must(cf_completion_queue_add(queue, future, url_copy(), free));
  if (strcmp(mode, "closed") == 0) {
    must(cf_future_result(future, CF_FOREVER, NULL, NULL));
    must(cf_completion_queue_close(queue));
  }
  must(cf_options_new(&options));
  must(cf_map_options_new(&map_options));
  must(cf_executor_map(executor, task_square, numbers, sizeof(int), 1000, NULL, &map));
}

static int32_t run_example(cf_task *running, void *item, size_t size) {
  task = running;
  arg = item;
  arg_size = size;
  example();
  return 0;
}

int main(int argc, char **argv) {
  static const double factor = 2.5;
  const int item[4] = { 7, 2, 0, 0 };
  cf_executor *stage;
  cf_map_options *shared;
  cf_map *played;
  cf_item outcome;
  cf_worker_main();
  if (argc != 2) return 2;
  set_up(argv[1]);
  must(cf_thread_pool_new(1, &stage, NULL));
  must(cf_map_options_new(&shared));
  must(cf_map_options_set_context(shared, &factor, sizeof factor));
  must(cf_executor_map(stage, run_example, item, sizeof item, 1, shared, &played));
  /* The task may have failed on purpose; that it has ended is what counts. */
  must(cf_map_next(played, &outcome));
  return 0;
}
