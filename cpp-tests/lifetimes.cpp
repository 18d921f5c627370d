/*
 * Shows: a callable, its arguments, its result and its exception end exactly once and as soon as they
 * can, whatever becomes of the task. After each test the harness counts again.
 */
#include "check.hpp"

#include <thread>

using check::counted;
using check::counted_unique;

TEST(a_task_that_runs) {
  cf::thread_pool pool(1);
  auto f =
      pool.submit([c = counted(1)](const counted &arg) { return counted(c.value() + arg.value()); },
                  counted(2));
  CHECK(f.get().value() == 3);
  CHECK(counted::alive() == 1); // the result: callable and argument end before the future is done
  cf::any_future kept = f;
  f = {};
  CHECK(counted::alive() == 1);
  kept = {};
  CHECK(counted::alive() == 0);
}

TEST(a_result_that_is_taken_out) {
  cf::thread_pool pool(1);
  auto f = pool.submit([](counted_unique c) { return c; }, counted_unique(4));
  {
    counted_unique mine = std::move(f).get();
    CHECK(mine.value() == 4 && counted::alive() == 2);
  }
  CHECK(counted::alive() == 1);
  CHECK(pool.submit([] { return counted(5); }).get().value() == 5);
}

TEST(a_future_that_is_dropped) {
  check::busy_pool busy;
  busy.pool.submit([c = counted(1)] { return counted(2); });
  CHECK(counted::alive() == 1);
  busy.open();
  busy.pool.shutdown();
  CHECK(counted::alive() == 0);
}

TEST(a_task_that_is_cancelled) {
  check::busy_pool busy;
  auto f = busy.pool.submit([c = counted(1)](const counted &) { return counted(2); }, counted(3));
  CHECK(counted::alive() == 2 && f.cancel());
  CHECK(counted::alive() == 0 && f.cancelled());
  CHECK_STATUS(CF_CANCELLED, f.get());
}

TEST(a_pool_that_is_shut_down) {
  check::busy_pool busy;
  std::vector<cf::future<counted>> all;
  for (int i = 0; i < 100; i++)
    all.push_back(busy.pool.submit([c = counted(i)] { return counted(c); }));
  CHECK(counted::alive() == 100);
  busy.pool.shutdown(false, true);
  CHECK(counted::alive() == 0);
  for (auto &f : all) CHECK(f.cancelled());
}

TEST(a_task_that_is_not_accepted) {
  cf::thread_pool pool(1);
  pool.shutdown();
  CHECK_STATUS(CF_SHUTDOWN, pool.submit([c = counted(1)](counted) {}, counted(2)));
  CHECK(counted::alive() == 0);
  CHECK(pool.try_submit([](counted) {}, counted(2)).status() == CF_SHUTDOWN);
  CHECK_STATUS(CF_SHUTDOWN, pool.map([](const counted &) {}, std::vector<counted>(20)));
  CHECK(counted::alive() == 0);
}

TEST(a_copy_that_throws) {
  cf::thread_pool pool(1);
  const check::poisoned bad;
  CHECK_THROWS(int, e == 13, pool.submit([](const counted &, const counted &) {}, counted(1), bad));
  CHECK(counted::alive() == 1);
  auto f = pool.submit([&bad] { return bad; });
  CHECK_THROWS(int, e == 13, f.get());
  CHECK_THROWS(
      int, e == 13,
      pool.map([](counted) {}, std::vector<std::reference_wrapper<const check::poisoned>>{ bad })
          .get());
}

TEST(an_exception) {
  cf::thread_pool pool(1);
  auto f = pool.submit([c = counted(1)]() -> int { throw counted(2); });
  CHECK_THROWS(counted, e.value() == 2, f.get());
  CHECK_THROWS(counted, e.value() == 2, f.result().value());
  CHECK(counted::alive() == 1);
  f = {};
  CHECK(counted::alive() == 0);
}

TEST(a_callback) {
  check::busy_pool busy;
  int called = 0;
  auto f = busy.pool.submit([] { return counted(1); });
  f.add_done_callback([&called, c = counted(2)](const cf::future<counted> &) { called++; });
  f.add_done_callback([&called, c = counted(3)](cf::any_future) mutable { called++; });
  CHECK(counted::alive() == 2);
  CHECK(f.cancel() && called == 2 && counted::alive() == 0);
  f.add_done_callback([&called, c = counted_unique(4)] { called++; });
  CHECK(called == 3 && counted::alive() == 0);
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::future<int>().add_done_callback([c = counted(1)] {}));
  CHECK(counted::alive() == 0);
}

TEST(a_callback_of_a_future_without_an_end) {
  bool called = false;
  {
    cf::promise<counted> p;
    p.get_future().add_done_callback(
        [&called, c = counted(1)](cf::future<counted>) { called = true; });
    CHECK(counted::alive() == 1);
  }
  CHECK(counted::alive() == 0 && !called);
}

TEST(a_map_that_is_dropped) {
  std::atomic<int> ran{ 0 };
  {
    check::busy_pool busy;
    auto m = busy.pool.map([&ran, c = counted(0)](const counted &) { return counted(++ran); },
                           std::vector<counted>(50));
    CHECK(counted::alive() == 51);
  }
  CHECK(counted::alive() == 0 && ran == 0);
}

TEST(a_map_that_is_dropped_while_it_runs) {
  check::gate gate;
  cf::thread_pool pool(1);
  {
    auto m = pool.map([&gate, c = counted(0)](const counted &) { gate.pass(); },
                      std::vector<counted>(50));
    gate.await(1);
  }
  CHECK(counted::alive() > 0); // one item runs, and all that it may touch is there
  gate.open();
  pool.shutdown();
  CHECK(counted::alive() == 0);
}

TEST(a_map_that_is_read) {
  cf::thread_pool pool(2);
  auto m = pool.map([](counted c) { return counted(c.value() * 2); },
                    std::vector<counted>(10, counted(2)));
  int sum = 0;
  for (counted &c : m) sum += c.value();
  CHECK(sum == 40);
}

TEST(a_pool_that_is_detached) {
  check::gate gate;
  cf::thread_pool pool(1);
  auto f = pool.submit([&gate, c = counted(1)] { gate.pass(); });
  pool.detach();
  CHECK(pool.c_executor() == nullptr);
  gate.open();
  f.get();
}

TEST(handles_that_many_threads_drop) {
  cf::thread_pool pool(2);
  for (int round = 0; round < 200; round++) {
    auto f = pool.submit([c = counted(1)] { return counted(2); });
    std::thread other([copy = f]() mutable { copy = {}; });
    f = {};
    other.join();
  }
  pool.shutdown();
  CHECK(counted::alive() == 0);
}
