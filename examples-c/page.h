/*
 * Fetching a page with libcurl. Used by load_url.c and by the demo, which call it from several
 * threads; curl_global_init must have been called before by one.
 */
#ifndef PAGE_H
#define PAGE_H

#include <stddef.h>

struct page {
  char *bytes;
  size_t size;
};

/*
 * Returns the page behind a URL, for page_free, or NULL: then error, of error_size bytes, says
 * why, in the words of the server if it has answered ("HTTP Error 403: Forbidden").
 */
struct page *page_load(const char *url, long timeout_seconds, char *error, size_t error_size);

/* Takes a struct page or NULL; void, so that it can be the destroy function of a result. */
void page_free(void *page);

#endif
