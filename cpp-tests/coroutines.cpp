/*
 * Shows: co_await for futures, and coroutines that return one. Needs C++20; without coroutines it
 * shows that the interface says so.
 */
#include "check.hpp"

#include <stdexcept>
#include <thread>

#if CFUTURES_COROUTINES

using check::counted;

namespace {

cf::future<int> add(cf::thread_pool &pool, int a, int b) {
  const auto same = [](int n) { return n; };
  auto first = pool.submit(same, a);
  auto second = pool.submit(same, b);
  co_return co_await first + co_await second;
}

cf::future<std::string> text(cf::thread_pool &pool) {
  auto owned = pool.submit([] { return std::make_unique<int>(5); });
  std::unique_ptr<int> mine = co_await std::move(owned);
  co_return std::to_string(*mine);
}

cf::future<void> waits_for(cf::any_future, cf::future<counted> f, int &steps) {
  counted own(1);
  steps++;
  const counted &result = co_await f;
  steps += result.value();
}

cf::future<int> fails(cf::thread_pool &pool, bool itself) {
  if (itself) throw std::logic_error("itself");
  co_await pool.submit([] { throw std::runtime_error("awaited"); });
  co_return 1;
}

} // namespace

TEST(a_coroutine_awaits_futures) {
  cf::thread_pool pool(2);
  CHECK(add(pool, 3, 4).get() == 7);
  CHECK(text(pool).get() == "5");
  std::vector<cf::future<int>> all;
  for (int i = 0; i < 100; i++) all.push_back(add(pool, i, 1));
  for (int i = 0; i < 100; i++) CHECK(all[std::size_t(i)].get() == i + 1);
}

TEST(a_coroutine_takes_no_thread_while_it_waits) {
  cf::promise<counted> p;
  int steps = 0;
  auto f = waits_for({}, p.get_future(), steps);
  CHECK(steps == 1 && !f.done());
  p.set_value(counted(4));
  CHECK(steps == 5 && f.done()); // it went on in set_value
  f.get();
}

TEST(a_future_that_is_done_is_not_waited_for) {
  cf::promise<counted> p;
  p.set_value(counted(2));
  int steps = 0;
  auto f = waits_for({}, p.get_future(), steps);
  CHECK(steps == 3 && f.done());
}

TEST(an_exception_goes_through_a_coroutine) {
  cf::thread_pool pool(1);
  CHECK_THROWS(std::runtime_error, std::string(e.what()) == "awaited", fails(pool, false).get());
  CHECK_THROWS(std::logic_error, std::string(e.what()) == "itself", fails(pool, true).get());
  cf::promise<counted> p;
  int steps = 0;
  auto f = waits_for({}, p.get_future(), steps);
  p.get_future().cancel();
  CHECK_STATUS(CF_CANCELLED, f.get());
  auto empty = waits_for({}, {}, steps);
  CHECK_STATUS(CF_INVALID_ARGUMENT, empty.get());
}

TEST(coroutines_that_go_on_in_many_threads) {
  cf::thread_pool pool(4);
  for (int round = 0; round < 300; round++) {
    cf::promise<counted> p;
    int steps = 0;
    std::thread other([p] { p.set_value(counted(1)); });
    waits_for({}, p.get_future(), steps).get();
    CHECK(steps == 2);
    other.join();
  }
}

#else

TEST(without_coroutines_there_is_no_co_await) { CHECK(CFUTURES_COROUTINES == 0); }

#endif
