/*
 * Python: the ThreadPoolExecutor example of Python's documentation and conf12.py of the notebook.
 * Shows: pages fetched at once, a result that is an object, and failures beside results. The
 * addresses are the arguments: serve.py gives them when it starts this program.
 */
#define _POSIX_C_SOURCE 200809L
#include "example.h"
#include "page.h"

#include <curl/curl.h>
#include <string.h>

/* Retrieve a single page and report the URL and contents. */
static int32_t load_url(cf_task *task, void *url, size_t url_size) {
  char error[256];
  (void)url_size;
  struct page *page = page_load(url, 60, error, sizeof error);
  if (page == NULL) return cf_task_fail(task, 1, error);
  return cf_task_return_owned(task, page, page_free);
}

static void report(const char *url, cf_future *future) {
  void *object;
  cf_status status = cf_future_result_object(future, CF_FOREVER, &object);
  if (status != CF_OK) {
    const char *message = cf_error_message(cf_future_error(future));
    printf("'%s' generated an exception: %s\n", url, message);
  } else {
    const struct page *page = object;
    printf("'%s' page is %zu bytes\n", url, page->size);
  }
}

int main(int argc, char **argv) {
  size_t count = argc > 1 ? (size_t)argc - 1 : 0;
  char **urls = argv + 1;
  cf_future **futures = calloc(count + 1, sizeof *futures);
  if (futures == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return EXIT_FAILURE;

  cf_executor *executor;
  must(cf_thread_pool_new(5, &executor, NULL));

  /* Start the load operations: future i is that of URL i. */
  for (size_t i = 0; i < count; i++) {
    must(cf_executor_submit(executor, load_url, urls[i], strlen(urls[i]) + 1, &futures[i]));
  }

  cf_completions *completions;
  must(cf_as_completed(futures, count, CF_FOREVER, &completions));
  size_t i;
  cf_future *future;
  while (next_completed(completions, &i, &future)) report(urls[i], future);

  cf_completions_free(completions);
  cf_executor_free(executor);
  cf_futures_release(futures, count);
  free(futures);
  curl_global_cleanup();
  return 0;
}
