/*
 * Part 2 of the demo: fetching pages with libcurl through cf_as_completed, all at once and then one
 * after another. Called by demo.c.
 */
#define _POSIX_C_SOURCE 200809L
#include "demo.h"
#include "example.h"
#include "page.h"

#include <curl/curl.h>
#include <string.h>

#define MOST_AT_ONCE 32

static int32_t load_url(cf_task *task, void *url, size_t url_size) {
  char error[256];
  (void)url_size;
  struct page *page = page_load(url, 60, error, sizeof error);
  if (page == NULL) return cf_task_fail(task, 1, error);
  return cf_task_return_owned(task, page, page_free);
}

/* Prints a page that has arrived, or why it has not; true if it has. */
static bool report(const char *url, cf_future *future, double seconds) {
  void *object;
  char size[32];
  cf_status status = cf_future_result_object(future, CF_FOREVER, &object);
  printf("   %5.2f s  %-34s ", seconds, url);
  if (status == CF_OK) {
    printf("%12s bytes\n", ui_grouped(((const struct page *)object)->size, size));
  } else {
    const char *message = cf_error_message(cf_future_error(future));
    printf("%s%s%s\n", ui_style_on(UI_BAD), message, ui_style_on(UI_PLAIN));
  }
  return status == CF_OK;
}

static void submit_all(cf_executor *executor, char *const *urls, size_t count, cf_future **out) {
  for (size_t i = 0; i < count; i++) {
    must(cf_executor_submit(executor, load_url, urls[i], strlen(urls[i]) + 1, &out[i]));
  }
}

/* All at once: prints each page as it arrives, and counts them in *arrived. Returns the seconds. */
static double fetch_at_once(char *const *urls, size_t count, cf_future **futures, size_t *arrived) {
  cf_executor *executor;
  cf_completions *completions;
  cf_future *future;
  size_t i;
  *arrived = 0;
  must(cf_thread_pool_new(count < MOST_AT_ONCE ? count : MOST_AT_ONCE, &executor, NULL));
  double start = ui_now();
  submit_all(executor, urls, count, futures);
  must(cf_as_completed(futures, count, CF_FOREVER, &completions));
  while (next_completed(completions, &i, &future)) {
    if (report(urls[i], future, ui_now() - start)) ++*arrived;
  }
  double seconds = ui_now() - start;
  cf_completions_free(completions);
  cf_futures_release(futures, count);
  cf_executor_free(executor);
  return seconds;
}

/* The same with one worker: one after another. */
static double fetch_in_turn(char *const *urls, size_t count, cf_future **futures) {
  cf_executor *executor;
  cf_completions *completions;
  cf_future *future;
  ui_bar bar;
  size_t done = 0;
  must(cf_thread_pool_new(1, &executor, NULL));
  ui_bar_start(&bar, "one after another", count);
  submit_all(executor, urls, count, futures);
  must(cf_as_completed(futures, count, CF_FOREVER, &completions));
  while (next_completed(completions, NULL, &future)) ui_bar_show(&bar, ++done);
  double seconds = ui_bar_end(&bar);
  cf_completions_free(completions);
  cf_futures_release(futures, count);
  cf_executor_free(executor);
  return seconds;
}

bool demo_pages(char *const *urls, size_t count) {
  char heading[96];
  size_t arrived;
  snprintf(heading, sizeof heading, "Pages: %zu addresses, cf_as_completed", count);
  ui_heading(2, heading);
  if (count == 0) {
    printf("   No addresses were given as arguments: serve.py --demo starts the demo with some.\n");
    return true;
  }
  cf_future **futures = calloc(count, sizeof *futures);
  if (futures == NULL || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return false;
  double at_once = fetch_at_once(urls, count, futures, &arrived);
  printf("   %-18s %6.2f s\n", "at once", at_once);
  double in_turn = fetch_in_turn(urls, count, futures);
  printf("   %zu arrived, %zu did not\n", arrived, count - arrived);
  printf("   speed-up %s%.2f%s\n", ui_style_on(UI_BOLD), in_turn / at_once, ui_style_on(UI_PLAIN));
  curl_global_cleanup();
  free(futures);
  return arrived > 0;
}
