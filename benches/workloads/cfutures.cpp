/*
 * The library through its C++ headers, as any C++ program would use it: beside workloads/cfutures.c
 * the rows show what the headers cost. Built twice: with tasks that are noexcept and fit into the
 * future, and, with MAY_THROW, with tasks that may throw, whose closure is an object of its own.
 */
#include "bench.h"

#include <cfutures.hpp>

#include <new>
#include <vector>

#if defined(MAY_THROW)
#define TASK_NOEXCEPT
#define NAME "cfutures C++, may throw"
#else
#define TASK_NOEXCEPT noexcept
#define NAME "cfutures C++"
#endif

namespace {

using future = cf::future<uint64_t>;

cf::thread_pool &pool_of(void *state) {
  return *static_cast<cf::thread_pool *>(state);
}

void *open_pool(unsigned workers) {
  return new cf::thread_pool(workers);
}

void close_pool(void *state) {
  delete &pool_of(state);
}

future submit_call(cf::thread_pool &pool, bench_fn fn, uint64_t arg) {
  return pool.submit([fn, arg]() TASK_NOEXCEPT { return fn(arg); });
}

void submit(void *state, bench_fn fn, uint64_t arg, void *handle) {
  new (handle) future(submit_call(pool_of(state), fn, arg));
}

uint64_t result(void *, void *handle) {
  future *f = static_cast<future *>(handle);
  uint64_t value = f->get();
  f->~future();
  return value;
}

uint64_t as_completed(void *state, size_t count) {
  std::vector<future> futures;
  futures.reserve(count);
  for (size_t i = 0; i < count; i++) futures.push_back(submit_call(pool_of(state), bench_noop, i));
  uint64_t sum = 0;
  for (future &f : cf::as_completed(futures)) sum += f.get();
  return sum;
}

void run_for_range(void *state, const double *in, double *out, size_t count, bench_item_fn item) {
  pool_of(state).for_range(0, count, [=](size_t begin, size_t end) {
    for (size_t i = begin; i < end; i++) out[i] = item(in[i]);
  });
}

/* One task for one half, a plain call for the other. */
uint64_t fib_one(cf::thread_pool &pool, uint64_t n) TASK_NOEXCEPT {
  if (n < 2) return n;
  future left = pool.submit([&pool, n]() TASK_NOEXCEPT { return fib_one(pool, n - 1); });
  uint64_t right = fib_one(pool, n - 2);
  return left.get() + right;
}

/* A task for each half. */
uint64_t fib_two(cf::thread_pool &pool, uint64_t n) TASK_NOEXCEPT {
  if (n < 2) return n;
  future left = pool.submit([&pool, n]() TASK_NOEXCEPT { return fib_two(pool, n - 1); });
  future right = pool.submit([&pool, n]() TASK_NOEXCEPT { return fib_two(pool, n - 2); });
  return left.get() + right.get();
}

/* The first call is a task as well: what is inside of it waits as tasks do. */
uint64_t run_fib_one(void *state, unsigned n) {
  cf::thread_pool &pool = pool_of(state);
  return pool.submit([&pool, n] { return fib_one(pool, n); }).get();
}

uint64_t run_fib_two(void *state, unsigned n) {
  cf::thread_pool &pool = pool_of(state);
  return pool.submit([&pool, n] { return fib_two(pool, n); }).get();
}

} // namespace

int main(int argc, char **argv) {
  static const bench_loop loops[] = { { NAME " for_range", run_for_range } };
  static const bench_fork forks[] = {
    { NAME ", 1 submit a call", run_fib_one },
    { NAME ", 2 submits a call", run_fib_two },
  };
  bench_peer peer = {};
  peer.name = NAME;
  peer.version = cf_version_string();
  peer.open = open_pool;
  peer.close = close_pool;
  peer.handle_size = sizeof(future);
  peer.submit = submit;
  peer.result = result;
  peer.as_completed = as_completed;
  peer.loops = loops;
  peer.loop_count = sizeof loops / sizeof loops[0];
  peer.forks = forks;
  peer.fork_count = sizeof forks / sizeof forks[0];
  return bench_main(argc, argv, &peer);
}
