/* Peer: no parallelism at all, a plain loop in the calling thread. */
#include "bench.h"

static void *open_nothing(unsigned workers) {
  (void)workers;
  return NULL;
}

static void close_nothing(void *state) {
  (void)state;
}

static void run_serial(void *state, const double *in, double *out, size_t count,
                       bench_item_fn item) {
  (void)state;
  for (size_t i = 0; i < count; i++) out[i] = item(in[i]);
}

int main(int argc, char **argv) {
  static const struct bench_loop loops[] = { { "serial loop", run_serial } };
  const struct bench_peer peer = {
    .name = "serial loop",
    .version = "",
    .open = open_nothing,
    .close = close_nothing,
    .loops = loops,
    .loop_count = 1,
  };
  return bench_main(argc, argv, &peer);
}
