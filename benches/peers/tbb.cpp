// Peer: oneTBB. Tasks go through task_arena::enqueue with a slot for each result, to workers only;
// loops through parallel_for and nested tasks through task_group, where the caller is one of the
// threads, as TBB means it.
#include "bench.h"
#include "slot.h"

#include <tbb/blocked_range.h>
#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>
#include <tbb/version.h>

namespace {

struct State {
  tbb::global_control threads;
  tbb::task_arena pool;        // no place for the caller: only workers run tasks
  tbb::task_arena with_caller; // one place for the caller

  explicit State(int workers)
      : threads(tbb::global_control::max_allowed_parallelism, std::size_t(workers) + 1),
        pool(workers, 0), with_caller(workers, 1) {}
};

State *state_of(void *state) {
  return static_cast<State *>(state);
}

void *open_state(unsigned workers) {
  return new State(int(workers));
}

void close_state(void *state) {
  delete state_of(state);
}

void submit(void *state, bench_fn fn, uint64_t arg, void *handle) {
  slot *s = slot_new(fn, arg);
  state_of(state)->pool.enqueue([s] { slot_run(s); });
  *static_cast<slot **>(handle) = s;
}

uint64_t result(void *, void *handle) {
  return slot_result(*static_cast<slot **>(handle));
}

void run_parallel_for(void *state, const double *in, double *out, size_t count,
                      bench_item_fn item) {
  state_of(state)->with_caller.execute([=] {
    tbb::parallel_for(tbb::blocked_range<size_t>(0, count),
                      [=](const tbb::blocked_range<size_t> &r) {
                        for (size_t i = r.begin(); i != r.end(); ++i) out[i] = item(in[i]);
                      });
  });
}

uint64_t fib(unsigned n) {
  if (n < 2) return n;
  uint64_t left = 0;
  tbb::task_group group;
  group.run([&left, n] { left = fib(n - 1); });
  uint64_t right = fib(n - 2);
  group.wait();
  return left + right;
}

uint64_t run_fib(void *state, unsigned n) {
  return state_of(state)->with_caller.execute([n] { return fib(n); });
}

} // namespace

int main(int argc, char **argv) {
  static const bench_loop loops[] = { { "oneTBB parallel_for", run_parallel_for } };
  static const bench_fork forks[] = { { "oneTBB task_group", run_fib } };
  bench_peer peer = {};
  peer.name = "oneTBB enqueue";
  peer.version = TBB_VERSION_STRING;
  peer.open = open_state;
  peer.close = close_state;
  peer.handle_size = sizeof(slot *);
  peer.submit = submit;
  peer.result = result;
  peer.loops = loops;
  peer.loop_count = 1;
  peer.forks = forks;
  peer.fork_count = 1;
  return bench_main(argc, argv, &peer);
}
