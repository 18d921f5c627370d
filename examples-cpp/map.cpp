/*
 * Python: futures_thread_pool_map.py (Python Module of the Week); in C ../examples-c/map.c.
 * Shows: map gives the results in the order of its input, whatever order the tasks end in.
 */
#include <cfutures.hpp>
#include <chrono>
#include <cstdio>
#include <thread>

namespace {

double sleep_for(cf::task &task, int n) {
  std::printf("%s: sleeping %d\n", task.worker_name(), n);
  std::this_thread::sleep_for(std::chrono::milliseconds(100) * n);
  std::printf("%s: done with %d\n", task.worker_name(), n);
  return n / 10.0;
}

} // namespace

int main() {
  cf::thread_pool pool(2);
  std::puts("main: starting");

  auto results = pool.map(sleep_for, std::vector<int>{ 5, 4, 3, 2, 1 });
  std::puts("main: waiting for real results");

  const std::vector<double> real_results = results.get();
  std::printf("main: results: [");
  const char *separator = "";
  for (double result : real_results) std::printf("%s%g", std::exchange(separator, ", "), result);
  std::puts("]");
}
