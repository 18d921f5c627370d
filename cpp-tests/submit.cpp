/*
 * Shows: a thread pool takes any callable with any arguments, gives any result back, and throws what
 * the task threw.
 */
#include "check.hpp"

#include <functional>
#include <memory>
#include <stdexcept>

namespace {

int add(int a, int b) { return a + b; }
int add_quickly(int a, int b) noexcept { return a + b; }

struct account {
  int money = 10;
  int pay(int n) { return money -= n; }
};

struct overloaded {
  int operator()(int) const { return 1; }
  std::string operator()(const std::string &) const { return "text"; }
};

struct own_exception {
  int number;
};

struct speechless : std::exception {
  const char *what() const noexcept override { return nullptr; }
};

/* Has an address of its own opinion. */
struct evasive {
  int value;
  evasive *operator&() { return nullptr; }
  const evasive *operator&() const { return nullptr; }
};

} // namespace

TEST(functions_lambdas_and_objects) {
  cf::thread_pool pool(2);
  CHECK(pool.submit(add, 3, 4).get() == 7);
  CHECK(pool.submit(&add_quickly, 3, 4).get() == 7);
  CHECK(pool.submit([] { return 8; }).get() == 8);
  int called = 0;
  CHECK(pool.submit([&called, n = 5]() mutable { return called = ++n; }).get() == 6);
  CHECK(called == 6);
  std::function<int(int)> twice = [](int n) { return 2 * n; };
  CHECK(pool.submit(twice, 21).get() == 42);
  CHECK(pool.submit(std::move(twice), 22).get() == 44);
  CHECK(pool.submit(overloaded(), 1).get() == 1);
  CHECK(pool.submit(overloaded(), "one").get() == "text");
  account a;
  CHECK(pool.submit(&account::pay, &a, 3).get() == 7);
  CHECK(pool.submit(&account::pay, std::ref(a), 3).get() == 4);
  CHECK(pool.submit(&account::money, a).get() == 4);
  CHECK(a.money == 4);
}

TEST(arguments_are_copied_moved_or_referred_to) {
  cf::thread_pool pool(1);
  std::string text = "long enough to live in memory of its own";
  CHECK(pool.submit([](const std::string &s) { return s.size(); }, text).get() == text.size());
  CHECK(!text.empty());
  int n = 1;
  pool.submit([](int &there) { there = 2; }, std::ref(n)).get();
  CHECK(n == 2);
  auto pointer = std::make_unique<int>(3);
  CHECK(pool.submit([](std::unique_ptr<int> p) { return *p; }, std::move(pointer)).get() == 3);
  CHECK(pointer == nullptr);
  CHECK(pool.submit([p = std::make_unique<int>(4)] { return *p; }).get() == 4);
  CHECK(pool.submit([](const char *s, auto &&...more) { return s[0] + (more + ...); }, "a", 1, 2L)
            .get() == 'a' + 3);
}

TEST(results_of_every_kind) {
  cf::thread_pool pool(1);
  pool.submit([] {}).get();
  cf::future<std::string> constant = pool.submit([]() -> const std::string { return ""; });
  CHECK(constant.get().empty());
  cf::future<void> nothing = pool.submit([]() noexcept {});
  nothing.get();
  nothing.get();
  CHECK(*pool.submit([] { return std::make_unique<int>(5); }).get() == 5);
  int n = 6;
  cf::future<int &> reference = pool.submit([&n]() -> int & { return n; });
  CHECK(&reference.get() == &n && &std::move(reference).get() == &n);
  CHECK(&pool.submit([&n]() noexcept -> const int & { return n; }).get() == &n);
  struct alignas(64) wide {
    int value;
  };
  CHECK(pool.submit([]() noexcept { return wide{ 7 }; }).get().value == 7);
  CHECK(pool.submit([w = wide{ 8 }]() noexcept { return w.value; }).get() == 8);
  CHECK(pool.submit([]() noexcept { return std::string(1000, 'x'); }).get().size() == 1000);
}

TEST(what_cannot_throw_and_is_bytes_needs_no_object) {
  cf::thread_pool pool(1);
  struct triple {
    double x, y, z;
  };
  auto f = pool.submit(
      [](triple t) noexcept {
        return triple{ t.z, t.y, t.x };
      },
      triple{ 1, 2, 3 });
  std::size_t size = 0;
  CHECK(f.get().x == 3 && f.get().z == 1);
  CHECK(cf_future_data(f.c_future(), &size) == &f.get() && size == sizeof(triple));
}

TEST(exceptions_of_any_type_come_out_of_get) {
  cf::thread_pool pool(2);
  auto runtime =
      pool.submit([](int n) -> int { throw std::runtime_error("n is " + std::to_string(n)); }, 3);
  CHECK_THROWS(std::runtime_error, std::string(e.what()) == "n is 3", runtime.get());
  CHECK_THROWS(std::runtime_error, std::string(e.what()) == "n is 3", runtime.get());
  CHECK(runtime.state() == CF_STATE_FAILED);
  CHECK_THROWS(int, e == 7, pool.submit([] { throw 7; }).get());
  CHECK_THROWS(own_exception, e.number == 8, pool.submit([] { throw own_exception{ 8 }; }).get());
  CHECK_THROWS(std::unique_ptr<int>, *e == 9,
               pool.submit([] { throw std::make_unique<int>(9); }).get());
  auto own = pool.submit([] { throw cf::error(33, "division by zero"); });
  CHECK_THROWS(cf::error, e.code() == 33 && e.status() == CF_TASK_FAILED, own.get());
  CHECK(cf_error_code(cf_future_error(own.c_future())) == 33);
  CHECK_THROWS(std::bad_function_call, true, pool.submit(std::function<void()>()).get());
}

TEST(a_failure_as_a_result) {
  cf::thread_pool pool(1);
  auto failed = pool.submit([]() -> int { throw std::out_of_range("too far"); });
  cf::result<int> r = failed.result();
  CHECK(!r && !r.has_value() && r.status() == CF_TASK_FAILED && r.error().code() == 1);
  CHECK(std::string(r.error().message()) == "too far");
  CHECK_THROWS(std::out_of_range, true, r.value());
  CHECK(r.value_or(4) == 4);
  auto unknown = pool.submit([] { throw 1; }).result();
  CHECK(std::string(unknown.error().what()) == "an exception that is no std::exception");
  CHECK(pool.submit([] { return 5; }).result().value() == 5);
  CHECK(pool.submit([] {}).result().has_value());
  CHECK(*pool.submit([] { return std::make_unique<int>(6); }).result().value() == 6);
}

TEST(a_task_may_return_a_result) {
  cf::thread_pool pool(1);
  const auto divide = [](int a, int b) -> cf::result<int> {
    if (b == 0) return cf::error(33, "division by zero");
    return a / b;
  };
  static_assert(std::is_same_v<decltype(pool.submit(divide, 1, 1)), cf::future<int>>);
  CHECK(pool.submit(divide, 6, 2).get() == 3);
  CHECK_THROWS(cf::error, e.code() == 33, pool.submit(divide, 6, 0).get());
  CHECK(pool.submit([]() noexcept -> cf::result<void> { return {}; }).result().has_value());
  int n = 0;
  CHECK(&pool.submit([&n]() -> cf::result<int &> { return n; }).get() == &n);
  CHECK(pool.submit([]() -> cf::result<std::unique_ptr<int>> { return std::make_unique<int>(1); })
            .get() != nullptr);
}

TEST(a_task_may_return_a_reference_to_a_result) {
  cf::thread_pool pool(1);
  cf::result<int> good = 5, bad = cf::error(7, "seven");
  const auto same = [](cf::result<int> &r) -> cf::result<int> & { return r; };
  auto f = pool.submit(same, std::ref(good)), g = pool.submit(same, std::ref(bad));
  static_assert(std::is_same_v<decltype(f), cf::future<cf::result<int> &>>);
  CHECK(&f.get() == &good && &g.get() == &bad);
  auto moved = pool.submit([&bad]() -> cf::result<int> && { return std::move(bad); });
  CHECK(moved.get().error().code() == 7);
}

TEST(types_with_opinions) {
  cf::thread_pool pool(1);
  evasive e = { 4 };
  CHECK(pool.submit([](evasive x) noexcept { return x; }, e).get().value == 4);
  CHECK(pool.submit([](evasive x) { return x; }, e).get().value == 4);
  CHECK(pool.submit([&e]() -> evasive & { return e; }).get().value == 4);
  CHECK(pool.submit([&e]() -> cf::result<evasive &> { return e; }).get().value == 4);
  CHECK(pool.submit([](evasive x) -> cf::result<evasive> { return x; }, e).result()->value == 4);
  CHECK(pool.map([](evasive x) { return x; }, std::vector<evasive>{ e }).begin()->value == 4);
}

TEST(an_exception_without_words) {
  cf::thread_pool pool(1);
  auto f = pool.submit([] { throw speechless(); });
  CHECK_THROWS(speechless, e.what() == nullptr, f.get());
  CHECK(f.result().error().what() != nullptr && f.exception()->code() == 1);
  CHECK_THROWS(speechless, true, pool.map([](int) { throw speechless(); }, std::vector{ 1 }).get());
  CHECK_THROWS(speechless, true, pool.for_range(0, 1, [](std::size_t) { throw speechless(); }));
}

TEST(a_task_knows_where_it_runs) {
  cf::thread_pool pool(cf::thread_options().max_workers(1).name("crew"));
  CHECK(pool.submit([](cf::task &t) { return std::string(t.worker_name()); }).get() == "crew_0");
  CHECK(pool.submit([](cf::task &t, int n) noexcept { return t.worker() + n; }, 5).get() == 5u);
  CHECK(pool.submit([](auto &&...all) { return sizeof...(all); }, 1, 2).get() == 2);
}

TEST(a_pool_that_takes_nothing_says_why) {
  cf::thread_pool pool(1);
  pool.shutdown();
  CHECK_STATUS(CF_SHUTDOWN, pool.submit(add, 1, 2));
  CHECK_STATUS(CF_SHUTDOWN, pool.submit(&add_quickly, 1, 2));
  CHECK(pool.try_submit(add, 1, 2).status() == CF_SHUTDOWN);
}

TEST(many_tasks_from_many_threads) {
  cf::thread_pool pool(4);
  std::atomic<long> sum{ 0 };
  std::vector<cf::future<void>> outer;
  for (int i = 0; i < 4; i++)
    outer.push_back(pool.submit([&pool, &sum] {
      std::vector<cf::future<int>> inner;
      for (int n = 0; n < 500; n++) inner.push_back(pool.submit([n] { return n; }));
      for (auto &f : inner) sum += f.get();
    }));
  for (auto &f : outer) f.get();
  CHECK(sum == 4L * 499 * 500 / 2);
}
