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

namespace {

cf::future<long> plus_one(cf::future<long> before) { co_return co_await before + 1; }

cf::future<long> sum_of_done(const cf::future<int> &done, int times) {
  long sum = 0;
  for (int i = 0; i < times; i++) sum += co_await done;
  co_return sum;
}

/* Waits for `first`, then for what it has itself let go on. */
cf::future<int> waits_inside(cf::promise<int> inner, cf::future<int> first, cf::future<int> other) {
  int n = co_await first;
  inner.set_value(5);
  CHECK(other.done()); // it went on in set_value, in another coroutine
  co_return n + other.get();
}
cf::future<int> doubles(cf::future<int> f) { co_return 2 * co_await f; }

cf::future<int> outlived(cf::future<int> f, counted parameter) {
  counted local(1);
  co_return co_await f + local.value() + parameter.value();
}

cf::future<std::unique_ptr<int>> without_exceptions(cf::future<int> f) {
  cf::result<int> n = co_await cf::as_result(f);
  if (!n) co_return n.error();
  if (*n < 0) co_return cf::error(33, "negative");
  if (*n == 0) co_return cf::result<std::unique_ptr<int>>(std::make_unique<int>(-1));
  co_return std::make_unique<int>(*n);
}

} // namespace

TEST(a_long_chain_of_coroutines_needs_no_stack) {
  cf::promise<long> p;
  cf::future<long> f = p.get_future();
  for (int i = 0; i < 200000; i++) f = plus_one(std::move(f));
  CHECK(!f.done());
  p.set_value(1);
  CHECK(f.get() == 200001);
}

TEST(futures_that_are_done_need_no_stack) {
  cf::thread_pool pool(1);
  auto done = pool.submit([] { return 1; });
  done.wait();
  CHECK(sum_of_done(done, 1000000).get() == 1000000);
}

TEST(what_a_coroutine_completes_goes_on_at_once) {
  cf::promise<int> first, inner;
  auto other = doubles(inner.get_future());
  auto f = doubles(waits_inside(inner, doubles(first.get_future()), other));
  first.set_value(2);
  CHECK(f.get() == 2 * (4 + 10));
}

TEST(all_of_a_coroutine_has_ended_when_its_future_is_done) {
  cf::promise<int> p;
  auto f = outlived(p.get_future(), counted(2));
  CHECK(counted::alive() == 2);
  long alive = -1;
  f.add_done_callback([&] { alive = counted::alive(); });
  p.set_value(3);
  CHECK(alive == 0 && f.get() == 6);
}

TEST(coroutines_without_exceptions) {
  const auto outcome = [](cf::promise<int> p) { return without_exceptions(p.get_future()); };
  cf::promise<int> positive, negative, zero, failing;
  positive.set_value(4), negative.set_value(-4), zero.set_value(0);
  failing.set_exception(cf::error(5, "five"));
  CHECK(*outcome(positive).get() == 4 && *outcome(zero).get() == -1);
  CHECK(outcome(negative).result().error().code() == 33);
  CHECK(outcome(failing).result().error().code() == 5);
}

TEST(a_coroutine_whose_future_is_cancelled) {
  cf::promise<counted> p;
  int steps = 0;
  auto f = waits_for({}, p.get_future(), steps);
  CHECK(f.cancel());
  p.set_value(counted(1));
  CHECK(steps == 2 && f.cancelled()); // it has run all the same
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
