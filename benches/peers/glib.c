/* Peer: GLib's GThreadPool with threads of its own, and a slot for each result. */
#define _DEFAULT_SOURCE

#include "bench.h"
#include "slot.h"

#include <glib.h>
#include <stdio.h>

static void run(gpointer slot, gpointer unused) {
  (void)unused;
  slot_run(slot);
}

static void *open_pool(unsigned workers) {
  GThreadPool *pool = g_thread_pool_new(run, NULL, (gint)workers, TRUE, NULL);
  if (!pool) bench_die("g_thread_pool_new failed");
  return pool;
}

static void close_pool(void *pool) {
  g_thread_pool_free(pool, FALSE, TRUE);
}

static void submit(void *pool, bench_fn fn, uint64_t arg, void *handle) {
  struct slot *slot = slot_new(fn, arg);
  if (!g_thread_pool_push(pool, slot, NULL)) bench_die("g_thread_pool_push failed");
  *(struct slot **)handle = slot;
}

static uint64_t result(void *pool, void *handle) {
  (void)pool;
  return slot_result(*(struct slot **)handle);
}

int main(int argc, char **argv) {
  char version[32];
  snprintf(version, sizeof version, "%u.%u.%u", glib_major_version, glib_minor_version,
           glib_micro_version);
  const struct bench_peer peer = {
    .name = "GLib GThreadPool",
    .version = version,
    .open = open_pool,
    .close = close_pool,
    .handle_size = sizeof(struct slot *),
    .submit = submit,
    .result = result,
  };
  return bench_main(argc, argv, &peer);
}
