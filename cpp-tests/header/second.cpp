#include <cfutures.hpp>
/* The second file of the program in first.cpp. */

cf::future<std::string> submit_in_second_file(cf::thread_pool &pool, int n);
int sum_in_second_file(cf::process_pool &pool);

cf::future<std::string> submit_in_second_file(cf::thread_pool &pool, int n) {
  return pool.submit([](int value) { return std::to_string(value); }, n);
}

int sum_in_second_file(cf::process_pool &pool) {
  int sum = 0;
  for (int n : pool.map([](int value) { return value; }, std::vector<int>{ 1, 2, 3 })) sum += n;
  return sum;
}
