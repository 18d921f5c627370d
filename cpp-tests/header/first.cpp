#include <cfutures.hpp>
/*
 * Shows: the header needs nothing before it and may be included in two files of one program, which
 * hand each other what it defines. Compiled in every standard by compile.cmake.
 */
#include <cfutures.hpp>

cf::future<std::string> submit_in_second_file(cf::thread_pool &pool, int n);
int sum_in_second_file(cf::process_pool &pool);
bool bears_a_hostile_program(cf::thread_pool &pool, cf::process_pool &processes); // hostile.cpp

int main() {
  cf::worker_main();
  cf::thread_pool pool(2);
  auto f = submit_in_second_file(pool, 42);
  auto lengths = pool.map([](const std::string &s) { return s.size(); },
                          std::vector<std::string>{ f.get(), "abc" });
  std::size_t sum = 0;
  while (auto length = lengths.next()) sum += length->value();
  cf::process_pool processes(1);
  const bool greeted = processes.submit([](std::string s) { return s + "!"; }, "a").get() == "a!";
  return sum == 5 && greeted && sum_in_second_file(processes) == 6 &&
                 bears_a_hostile_program(pool, processes)
             ? 0
             : 1;
}
