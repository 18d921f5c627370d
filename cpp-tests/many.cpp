/*
 * Shows: waiting for many futures, in every manner, and promises.
 */
#include "check.hpp"

#include <list>
#include <stdexcept>
#include <thread>

using namespace std::chrono_literals;

TEST(wait_for_all_and_for_the_first) {
  check::busy_pool busy;
  cf::thread_pool other(1);
  std::vector<cf::future<int>> futures = { busy.pool.submit([] { return 1; }),
                                           other.submit([] { return 2; }) };
  cf::waited first = cf::wait(futures, cf::forever, CF_FIRST_COMPLETED);
  CHECK(first.done == std::vector<std::size_t>{ 1 } && !first.timed_out);
  CHECK(first.not_done == std::vector<std::size_t>{ 0 });
  cf::waited late = cf::wait(futures, 1ms);
  CHECK(late.timed_out && late.done.size() == 1);
  busy.open();
  cf::waited all = cf::wait(futures);
  CHECK(all.done.size() == 2 && all.not_done.empty());
  CHECK(cf::wait(std::vector<cf::future<int>>()).done.empty());
}

TEST(wait_for_the_first_failure) {
  check::busy_pool busy;
  cf::thread_pool other(1);
  std::list<cf::any_future> futures = { busy.pool.submit([] { return 1; }),
                                        other.submit([]() -> std::string { throw 2; }) };
  CHECK(cf::wait(futures, cf::forever, CF_FIRST_EXCEPTION).done == std::vector<std::size_t>{ 1 });
  futures.emplace_back();
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::wait(futures));
  CHECK(cf::try_wait(futures).status() == CF_INVALID_ARGUMENT);
}

TEST(as_completed_gives_them_in_their_order) {
  std::vector<cf::promise<int>> promises(4);
  std::vector<cf::future<int>> futures;
  for (auto &p : promises) futures.push_back(p.get_future());
  promises[2].set_value(20);
  std::string order;
  auto completed = cf::as_completed(futures);
  for (auto it = completed.begin(); it != completed.end(); ++it) {
    CHECK(*it == futures[it.index()]);
    order += std::to_string(it->get()) + ' ';
    if (it.index() == 2) promises[0].set_value(0);
    if (it.index() == 0) promises[3].set_value(30);
    if (it.index() == 3) promises[1].set_value(10);
  }
  CHECK(order == "20 0 30 10 ");
}

TEST(as_completed_in_a_loop) {
  cf::thread_pool pool(2);
  int sum = 0;
  for (auto &f :
       cf::as_completed(std::array{ pool.submit([] { return 1; }), pool.submit([] { return 2; }) }))
    sum += f.get();
  CHECK(sum == 3);
  std::vector<cf::any_future> mixed = { pool.submit([] {}), pool.submit([] { return 1; }) };
  mixed.push_back(mixed[0]);
  int seen = 0;
  for (auto &f : cf::as_completed(mixed)) seen += f.done();
  CHECK(seen == 2); // one of them stands there twice
  for (auto &f : cf::as_completed(std::vector<cf::future<int>>())) CHECK(!f.valid());
}

namespace {

/* A range as views are: it changes when it is walked through, and its end is of another type. */
struct counting_view {
  struct sentinel {};
  struct iterator {
    cf::future<int> *at;
    int left;
    cf::future<int> &operator*() const { return *at; }
    iterator &operator++() {
      ++at, --left;
      return *this;
    }
    friend bool operator!=(const iterator &i, sentinel) { return i.left != 0; }
  };
  iterator begin() {
    walks++;
    return { futures.data(), int(futures.size()) };
  }
  sentinel end() { return {}; }

  std::vector<cf::future<int>> &futures;
  int walks = 0;
};

} // namespace

TEST(futures_in_a_range_of_another_kind) {
  cf::thread_pool pool(1);
  std::vector<cf::future<int>> futures = { pool.submit([] { return 1; }),
                                           pool.submit([] { return 2; }) };
  counting_view view{ futures };
  CHECK(cf::wait(view).done.size() == 2 && view.walks == 1);
  int sum = 0;
  for (auto &f : cf::as_completed(counting_view{ futures })) {
    sum += f.get();
    futures.clear(); // the loop has handles of its own
  }
  CHECK(sum == 3);
}

TEST(as_completed_takes_results_out) {
  cf::thread_pool pool(1);
  std::vector<cf::future<std::unique_ptr<int>>> futures;
  for (int i = 0; i < 5; i++)
    futures.push_back(pool.submit([i] { return std::make_unique<int>(i); }));
  int sum = 0;
  for (auto &f : cf::as_completed(futures)) sum += *std::move(f).get();
  CHECK(sum == 10);
}

TEST(as_completed_with_a_limit) {
  check::busy_pool busy;
  cf::thread_pool other(1);
  std::vector<cf::future<int>> futures = { busy.pool.submit([] { return 1; }),
                                           other.submit([] { return 2; }) };
  futures[1].wait();
  int seen = 0;
  CHECK_STATUS(CF_TIMEOUT, [&] {
    for (auto &f : cf::as_completed(futures, 1ms)) seen += f.get();
  }());
  CHECK(seen == 2);
  auto completed = cf::as_completed(futures, 0s);
  CHECK(completed.next().value().get() == 2 && completed.index() == 1);
  CHECK(completed.next().status() == CF_TIMEOUT && completed.next().status() == CF_TIMEOUT);
  busy.open();
  busy.pool.shutdown(); // who waits for a future may wake before the iterator has heard of it
  CHECK(completed.next().value().get() == 1);
  CHECK(completed.next().status() == CF_END);
  futures.emplace_back();
  CHECK(cf::as_completed(futures).next().status() == CF_INVALID_ARGUMENT);
}

TEST(a_promise_is_kept) {
  cf::promise<std::string> p;
  cf::future<std::string> f = p.get_future();
  CHECK(!f.done() && p.set_running() && f.running() && !p.set_running() && !f.cancel());
  std::thread other([p] { CHECK(p.set_value("kept")); });
  CHECK(f.get() == "kept");
  other.join();
  CHECK(!p.set_value("again") && !p.set_exception(cf::error(1, "")) && f.get() == "kept");
  cf::promise<void> nothing;
  CHECK(nothing.set_value() && nothing.get_future().exception() == std::nullopt);
  int n = 0;
  cf::promise<int &> reference;
  CHECK(reference.set_value(n) && &reference.get_future().get() == &n);
  cf::promise<std::unique_ptr<int>> unique;
  CHECK(unique.set_value(std::make_unique<int>(3)) && *unique.get_future().get() == 3);
}

TEST(a_promise_is_broken) {
  cf::promise<int> p;
  CHECK(p.set_exception(cf::error(7, "seven")) && !p.set_value(1));
  CHECK_THROWS(cf::error, e.code() == 7, p.get_future().get());
  cf::promise<int> any;
  CHECK(any.set_exception(std::make_exception_ptr(std::logic_error("wrong"))));
  CHECK_THROWS(std::logic_error, true, any.get_future().get());
  cf::promise<check::counted> copying;
  CHECK(copying.set_value(check::poisoned()));
  CHECK_THROWS(int, e == 13, copying.get_future().get());
  cf::promise<check::counted> cancelled;
  CHECK(cancelled.get_future().cancel() && !cancelled.set_running());
  CHECK(!cancelled.set_value(check::counted()) && !cancelled.set_exception(cf::error(1, "")));
  CHECK_STATUS(CF_CANCELLED, cancelled.get_future().get());
}

TEST(a_promise_that_was_moved_from_completes_nothing) {
  cf::promise<std::string> p;
  auto f = p.get_future();
  {
    cf::promise<std::string> moved = std::move(p);
    CHECK(!p.set_running() && !p.set_value("no") && !f.done()); // NOLINT: what this shows
    CHECK(!p.set_exception(cf::error(1, "no")) && !p.get_future().valid());
    CHECK(moved.set_value("yes") && f.get() == "yes");
  }
  CHECK(!p.set_value("no") && f.get() == "yes");
}

TEST(a_promise_that_goes_in_a_callback_of_its_future) {
  auto p = std::make_unique<cf::promise<check::counted>>();
  int called = 0;
  p->get_future().add_done_callback([&](cf::future<check::counted> f) {
    p.reset();
    called = f.get().value();
  });
  CHECK(p->set_value(check::counted(3)) && called == 3 && p == nullptr);
}

TEST(of_several_that_keep_a_promise_one_wins) {
  for (int round = 0; round < 200; round++) {
    cf::promise<std::string> p;
    std::atomic<int> wins{ 0 };
    std::thread other([&] { wins += p.set_value("other"); });
    wins += p.set_value("this");
    other.join();
    CHECK(wins == 1);
    const std::string &value = p.get_future().get();
    CHECK(value == "other" || value == "this");
  }
}
