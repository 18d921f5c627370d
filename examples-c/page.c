/*
 * Fetching a page with libcurl: one easy handle per call, so any number of threads may fetch at
 * once.
 */
#define _POSIX_C_SOURCE 200809L
#include "page.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REASON_SIZE 64

/* libcurl gives us a piece of the page; an answer other than `size * count` ends the transfer. */
static size_t append(char *piece, size_t size, size_t count, void *user_data) {
  struct page *page = user_data;
  size_t more = size * count;
  if (more == 0) return 0;
  char *bytes = realloc(page->bytes, page->size + more);
  if (bytes == NULL) return 0;
  memcpy(bytes + page->size, piece, more);
  page->bytes = bytes;
  page->size += more;
  return more;
}

/* Keeps the words of the last status line: "Forbidden" of "HTTP/1.1 403 Forbidden". */
static size_t keep_reason(char *line, size_t size, size_t count, void *user_data) {
  char *reason = user_data;
  size_t length = size * count, start = 0;
  if (length < 5 || memcmp(line, "HTTP/", 5) != 0) return length;
  for (int words = 0; start < length && words < 2; start++) words += line[start] == ' ';
  size_t end = length;
  while (end > start && (line[end - 1] == '\n' || line[end - 1] == '\r')) end--;
  snprintf(reason, REASON_SIZE, "%.*s", (int)(end - start), line + start);
  return length;
}

static CURLcode transfer(CURL *curl, const char *url, long timeout_seconds, struct page *page,
                         char *reason) {
  CURLcode code = curl_easy_setopt(curl, CURLOPT_URL, url);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_TIMEOUT, timeout_seconds);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_WRITEDATA, page);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_reason);
  if (code == CURLE_OK) code = curl_easy_setopt(curl, CURLOPT_HEADERDATA, reason);
  return code == CURLE_OK ? curl_easy_perform(curl) : code;
}

struct page *page_load(const char *url, long timeout_seconds, char *error, size_t error_size) {
  struct page *page = calloc(1, sizeof *page);
  CURL *curl = curl_easy_init();
  char reason[REASON_SIZE] = "";
  long answer = 0;
  CURLcode code = CURLE_OUT_OF_MEMORY;
  if (page != NULL && curl != NULL) {
    code = transfer(curl, url, timeout_seconds, page, reason);
    if (code == CURLE_OK) code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
  }
  curl_easy_cleanup(curl);
  if (code == CURLE_OK && answer < 400) return page;

  if (code != CURLE_OK)
    snprintf(error, error_size, "%s", curl_easy_strerror(code));
  else
    snprintf(error, error_size, "HTTP Error %ld: %s", answer, reason);
  page_free(page);
  return NULL;
}

void page_free(void *page) {
  if (page == NULL) return;
  free(((struct page *)page)->bytes);
  free(page);
}
