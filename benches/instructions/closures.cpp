/*
 * The parts of bench-instructions that go through the C++ headers. "c++-submit" and what follows is
 * what the parts without the prefix are in C, with a task that is noexcept; "c++-closure-submit" and
 * so on the same with one that may throw, whose closure is an object of its own. Called by:
 * instructions.c, whose gate holds the worker.
 */
#include "counting.h"

#include <cfutures.hpp>

#include <memory>

namespace {

constexpr std::size_t operations = 10000;

using future = cf::future<std::uint64_t>;

cf::thread_pool *pool;
future *futures; /* memory for as many as there are operations, made and ended one by one */

struct next {
  std::uint64_t number;
  std::uint64_t operator()() const noexcept {
    return number + 1;
  }
};

struct next_or_throw {
  std::uint64_t number;
  std::uint64_t operator()() const {
    if (number == operations) throw number;
    return number + 1;
  }
};

template <class Task> void submit_one(std::size_t i) {
  new (futures + i) future(pool->submit(Task{ i }));
}

void result_one(std::size_t i) {
  if (futures[i].get() != i + 1) die("a wrong result");
  futures[i].~future();
}

template <class Task> void throughput(const char *submit, const char *worker, const char *result) {
  const part parts[] = {
    { submit, operations, part::LOOP },
    { worker, operations, part::WHOLE },
    { result, operations, part::LOOP },
  };
  close_gate();
  count_each(&parts[0], submit_one<Task>);
  open_gate(&parts[1]);
  count_each(&parts[2], result_one);
}

} // namespace

void closures_run_all(cf_executor *executor) {
  cf::thread_pool adopted = cf::thread_pool::adopt(executor);
  const std::unique_ptr<void, decltype(&std::free)> memory(std::malloc(operations * sizeof(future)),
                                                           std::free);
  if (memory == nullptr) die("out of memory");
  pool = &adopted;
  futures = static_cast<future *>(memory.get());
  throughput<next>("c++-submit", "c++-worker", "c++-result");
  throughput<next_or_throw>("c++-closure-submit", "c++-closure-worker", "c++-closure-result");
  (void)adopted.release();
}
