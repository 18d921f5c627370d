/*
 * Shows: making, moving and ending thread pools, their options, and waiting inside of them.
 */
#include "check.hpp"

#include <functional>
#include <limits>
#include <stdexcept>

using namespace std::chrono_literals;

namespace {

bool says_no_camera(const cf::error &e) {
  return std::string(e.what()).find("no camera") != std::string::npos;
}

} // namespace

TEST(a_pool_has_the_options_it_was_given) {
  CHECK(cf::thread_pool(3).max_workers() == 3);
  CHECK(cf::thread_pool().max_workers() > 0);
  auto options = cf::thread_options().max_workers(2).name("decode").stack_size(1 << 20);
  options.max_spares(3).inline_wait(false);
  cf::thread_pool pool(options), again(options);
  CHECK(pool.max_workers() == 2 && again.max_workers() == 2);
  CHECK(again.submit([](cf::task &t) { return std::string(t.worker_name()); }).get() == "decode_0");
}

TEST(options_that_cannot_be) {
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::thread_pool(cf::thread_options().max_workers(0)));
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::thread_pool(std::numeric_limits<std::size_t>::max()));
  CHECK(cf::thread_pool::make(cf::thread_options().max_workers(0)).status() == CF_INVALID_ARGUMENT);
}

TEST(initializers) {
  std::atomic<int> started{ 0 };
  {
    cf::thread_pool pool(cf::thread_options().max_workers(2).initializer(
        [&started](cf::task &t, int n) { started += n + int(t.worker()) * 0; }, 5));
    pool.submit([] {}).get();
    CHECK(started >= 5);
  }
  CHECK(started == 5 || started == 10);
}

TEST(an_initializer_that_throws_breaks_the_pool) {
  cf::thread_pool pool(cf::thread_options().max_workers(1).initializer(
      [] { throw std::runtime_error("no camera"); }));
  CHECK(!pool.broken());
  try {
    pool.submit([] {}).get();
    CHECK(false);
  } catch (const cf::error &e) {
    CHECK(e.status() == CF_BROKEN_POOL && says_no_camera(e));
  }
  CHECK(pool.broken()->status() == CF_BROKEN_POOL && pool.broken()->code() == 1);
  CHECK_THROWS(cf::error, says_no_camera(e), pool.submit([] {}));
}

TEST(a_pool_moves) {
  cf::thread_pool pool(1);
  cf_executor *raw = pool.c_executor();
  cf::thread_pool other = std::move(pool);
  CHECK(other.c_executor() == raw && pool.c_executor() == nullptr); // NOLINT
  CHECK_STATUS(CF_INVALID_ARGUMENT, pool.submit([] {}));
  pool = cf::thread_pool::adopt(other.release());
  CHECK(pool.submit([] { return 1; }).get() == 1);
  pool = cf::thread_pool(2);
  CHECK(pool.max_workers() == 2);
  cf::result<cf::thread_pool> made = cf::thread_pool::make(cf::thread_options().max_workers(3));
  CHECK(made && made->max_workers() == 3 && made->submit([] { return 2; }).get() == 2);
}

TEST(a_pool_ends) {
  check::busy_pool busy;
  auto f = busy.pool.submit([] { return 1; });
  CHECK_STATUS(CF_INVALID_STATE, busy.pool.join(0s));
  busy.pool.shutdown(false);
  CHECK(!busy.pool.join(1ms));
  busy.open();
  CHECK(busy.pool.join() && f.get() == 1);
}

TEST(the_end_of_the_scope_waits) {
  std::atomic<int> ran{ 0 };
  {
    cf::thread_pool pool(2);
    for (int i = 0; i < 100; i++) pool.submit([&ran] { ran++; });
  }
  CHECK(ran == 100);
}

TEST(a_task_waits_for_others_of_its_pool) {
  cf::thread_pool pool(1);
  std::function<int(int)> sum = [&](int n) {
    return n == 0 ? 0 : n + pool.submit(sum, n - 1).get();
  };
  CHECK(pool.submit(sum, 50).get() == 50 * 51 / 2);
}

TEST(a_task_that_waits_for_itself) {
  cf::thread_pool pool(1);
  cf::promise<cf::any_future> self;
  auto f = pool.submit([&self] { self.get_future().get().wait(); });
  self.set_value(f);
  CHECK_STATUS(CF_DEADLOCK, f.get());
  auto join = pool.submit([&pool] { pool.shutdown(); });
  CHECK_THROWS(cf::error, e.status() == CF_DEADLOCK, join.get());
}

TEST(tasks_that_wait_for_each_other) {
  cf::thread_pool pool(2);
  cf::promise<cf::future<int>> first, second;
  const auto waits = [](const cf::promise<cf::future<int>> &other) {
    return other.get_future().get().result().value_or(1);
  };
  auto a = pool.submit(waits, second), b = pool.submit(waits, first);
  first.set_value(a);
  second.set_value(b);
  CHECK(a.get() == 1 && b.get() == 1);
}
