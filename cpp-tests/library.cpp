/*
 * A shared library that submits its own functions to a pool of the program's, with calls of the very
 * types that the program has too. Used by processes.cpp.
 */
#include <cfutures.hpp>

int twice_in_library(cf::process_pool &pool, int n);
std::vector<int> map_in_library(cf::process_pool &pool, int n);

static int times_two(int n) { return 2 * n; }

int twice_in_library(cf::process_pool &pool, int n) { return pool.submit(times_two, n).get(); }

std::vector<int> map_in_library(cf::process_pool &pool, int n) {
  std::vector<int> numbers;
  for (int i = 1; i <= n; i++) numbers.push_back(i);
  return pool.map(times_two, numbers).get();
}
