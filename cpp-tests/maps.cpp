/*
 * Shows: maps over ranges and loops over indices, in threads.
 */
#include "check.hpp"

#include <array>
#include <list>
#include <map>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#if __has_include(<ranges>)
#include <ranges>
#endif

using namespace std::chrono_literals;

TEST(results_in_the_order_of_the_input) {
  cf::thread_pool pool(2);
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto square = [](int n) { return n * n; };
  int i = 0;
  for (int value : pool.map(square, numbers)) CHECK(value == i * i && ++i);
  CHECK(i == 1000);
  std::vector<int> all = pool.map(square, numbers).get();
  CHECK(all.size() == 1000 && all[999] == 999 * 999);
  CHECK(pool.map(square, std::vector<int>()).get().empty());
  cf::map_options one_by_one;
  one_by_one.chunk_size = 1;
  CHECK(pool.map(one_by_one, square, numbers).get() == all);
  one_by_one.chunk_size = 5000;
  CHECK(pool.map(one_by_one, square, numbers).get() == all);
  one_by_one.chunk_size = SIZE_MAX;
  CHECK(pool.map(one_by_one, square, numbers).get() == all);
}

TEST(ranges_of_every_kind) {
  cf::thread_pool pool(1);
  const auto twice = [](int n) { return 2 * n; };
  const int array[] = { 1, 2, 3 };
  const std::vector<int> expected = { 2, 4, 6 };
  CHECK(pool.map(twice, array).get() == expected);
  CHECK(pool.map(twice, std::array{ 1, 2, 3 }).get() == expected);
  CHECK(pool.map(twice, std::list{ 1, 2, 3 }).get() == expected);
  CHECK(pool.map(twice, std::set{ 3, 2, 1 }).get() == expected);
  CHECK(pool.map(twice, std::initializer_list<int>{ 1, 2, 3 }).get() == expected);
  std::map<std::string, int> named = { { "a", 1 }, { "b", 2 } };
  const auto name = [](const std::pair<const std::string, int> &p) { return p.first; };
  CHECK(pool.map(name, named).get() == std::vector<std::string>{ "a", "b" });
  CHECK(pool.map([](bool b) { return !b; }, std::vector<bool>{ true, false }).get()[1]);
#if defined(__cpp_lib_ranges) && (!defined(__clang__) || __clang_major__ >= 16)
  /* Older ones reject the views of libstdc++. */
  std::vector<std::string> words = { "a", "bc" };
  CHECK(pool.map([](const std::string &s) { return s.size(); }, std::ranges::ref_view(words))
            .get()[1] == 2);
  CHECK(words[1] == "bc"); // a view that is given away does not own its items
#endif
}

TEST(several_ranges_side_by_side) {
  cf::thread_pool pool(2);
  const std::vector<int> xs = { 1, 2, 3 };
  const std::list<long> ys = { 10, 20 };
  CHECK(pool.map(std::plus<>(), xs, ys).get() == std::vector<long>{ 11, 22 });
  const auto join = [](int a, long b, const std::string &c) { return std::to_string(a + b) + c; };
  const auto joined = pool.map(join, xs, ys, std::vector<std::string>{ "a", "b", "c" }).get();
  CHECK(joined == std::vector<std::string>{ "11a", "22b" });
}

TEST(items_that_only_move) {
  cf::thread_pool pool(2);
  std::vector<std::unique_ptr<int>> items;
  for (int i = 0; i < 10; i++) items.push_back(std::make_unique<int>(i));
  auto results = pool.map([](std::unique_ptr<int> p) { return p; }, std::move(items)).get();
  CHECK(*results[9] == 9);
}

TEST(results_of_other_kinds) {
  cf::thread_pool pool(2);
  std::vector<int> numbers = { 1, 2, 3 };
  std::atomic<int> sum{ 0 };
  pool.map([&sum](int n) { sum += n; }, numbers).get();
  CHECK(sum == 6);
  auto references =
      pool.map([&numbers](int n) -> int & { return numbers[std::size_t(n) - 1]; }, numbers);
  for (int &n : references) n *= 10;
  CHECK(numbers[2] == 30);
  auto words =
      pool.map([](int n) { return std::string(std::size_t(n), 'x'); }, std::vector<int>{ 1, 2 });
  std::vector<std::string> taken;
  for (auto &word : words) taken.push_back(std::move(word));
  CHECK(taken[1] == "xx");
}

TEST(an_item_that_fails) {
  cf::thread_pool pool(2);
  const auto picky = [](int n) {
    if (n % 10 == 3) throw std::invalid_argument(std::to_string(n));
    return n;
  };
  std::vector<int> numbers(20);
  std::iota(numbers.begin(), numbers.end(), 0);
  CHECK_THROWS(std::invalid_argument, std::string(e.what()) == "3", pool.map(picky, numbers).get());
  int sum = 0, failed = 0;
  auto m = pool.map(picky, numbers);
  while (auto item = m.next()) {
    if (*item)
      sum += **item;
    else
      CHECK(item->status() == CF_TASK_FAILED && int(item->error().index()) == 3 + 10 * failed++);
  }
  CHECK(failed == 2 && sum == 190 - 3 - 13);
  auto again = pool.map(picky, numbers);
  auto it = again.begin();
  for (int i = 0; i < 3; i++) ++it;
  CHECK_THROWS(std::invalid_argument, true, *it);
  CHECK(*++it == 4); // one can go on behind it
}

TEST(a_map_whose_time_is_over) {
  check::busy_pool busy;
  cf::map_options soon;
  soon.limit = 1ms;
  auto m = busy.pool.map(
      soon, [](int n) { return n; }, std::vector<int>{ 1, 2, 3 });
  CHECK(m.next()->status() == CF_TIMEOUT);
  CHECK(!m.next());
  CHECK_STATUS(CF_TIMEOUT, busy.pool
                               .map(
                                   soon, [](int n) { return n; }, std::vector<int>{ 1 })
                               .get());
}

TEST(a_map_that_moves) {
  cf::thread_pool pool(1);
  const auto same = [](int n) { return n; };
  auto m = pool.map(same, std::vector<int>{ 1, 2, 3 });
  CHECK(m.next()->value() == 1);
  auto other = std::move(m);
  CHECK(!m.next() && m.begin() == m.end()); // NOLINT: that a moved map is empty is what this shows
  m = pool.map(same, std::vector<int>{ 7 });
  CHECK(m.next()->value() == 7 && other.get() == std::vector<int>({ 2, 3 }));
}

TEST(a_map_inside_of_a_task) {
  cf::thread_pool pool(1);
  auto f = pool.submit([&pool] {
    const auto all = pool.map([](int n) { return n + 1; }, std::vector<int>{ 1, 2, 3 }).get();
    return std::accumulate(all.begin(), all.end(), 0);
  });
  CHECK(f.get() == 9);
}

TEST(a_map_of_a_pool_that_is_shut_down) {
  check::busy_pool busy;
  auto m = busy.pool.map([](int n) { return n; }, std::vector<int>{ 1, 2 });
  busy.pool.shutdown(false, true);
  CHECK(m.next()->status() == CF_CANCELLED && m.next()->error().index() == 1 && !m.next());
  const auto refused = busy.pool.try_map(
      {}, [](int n) { return n; }, std::vector<int>{ 1 });
  CHECK(refused.status() == CF_SHUTDOWN);
}

TEST(a_loop_over_indices) {
  cf::thread_pool pool(3);
  std::vector<int> values(10000, 1);
  pool.for_range(0, values.size(), [&](std::size_t i) { values[i] += int(i); });
  CHECK(values[0] == 1 && values[9999] == 10000);
  std::atomic<std::size_t> seen{ 0 };
  pool.for_range(
      5, 105, [&](std::size_t begin, std::size_t end) { seen += end - begin; }, 10);
  CHECK(seen == 100);
  pool.for_range(3, 3, [](std::size_t) { CHECK(false); });
  CHECK_STATUS(CF_INVALID_ARGUMENT, pool.for_range(4, 3, [](std::size_t) {}));
  pool.for_range(0, 10, [](cf::task &t, std::size_t) { CHECK(t.c_task() != nullptr); });
}

TEST(a_loop_that_fails) {
  cf::thread_pool pool(2);
  const auto body = [](std::size_t i) {
    if (i >= 500) throw i;
  };
  CHECK_THROWS(std::size_t, e == 500, pool.for_range(0, 1000, body, 1000)); // one piece
  const auto why = pool.try_for_range(0, 1000, body, 1);
  CHECK(!why && why.error().index() >= 500 && why.error().cause() != nullptr);
  const auto checked = [](std::size_t i) -> cf::result<void> {
    if (i == 7) return cf::error(70, "seven");
    return {};
  };
  CHECK(pool.try_for_range(0, 8, checked).error().code() == 70);
  pool.shutdown();
  CHECK_STATUS(CF_SHUTDOWN, pool.for_range(0, 10, body));
}
