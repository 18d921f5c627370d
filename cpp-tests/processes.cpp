/*
 * Shows: what a process pool takes and gives, its deaths, its maps and its shared memory; forked and
 * spawned.
 */
#include "processes.hpp"

#include <csignal>
#include <numeric>
#include <stdexcept>
#include <unistd.h>

using namespace std::chrono_literals;

int twice_in_library(cf::process_pool &pool, int n); // library.cpp
std::vector<int> map_in_library(cf::process_pool &pool, int n);

namespace {

int add(int a, int b) { return a + b; }
int add_quickly(int a, int b) noexcept { return a + b; }
std::string greet(const std::string &name, std::size_t times) {
  std::string all;
  while (times-- > 0) all += "hello " + name + "\n";
  return all;
}

struct point {
  double x, y;
};
struct no_default {
  explicit no_default(int v) noexcept : value(v) {}
  int value;
};
/* library.cpp has one of its own that does something else. */
int times_two(int n) { return 2 * n + 100; }

struct referring {
  int operator()(int n) const & { return n + 1; }
};
struct speechless : std::exception {
  const char *what() const noexcept override { return nullptr; }
};
struct tripled {
  template <class T> T operator()(T value) const { return value + value + value; }
};

} // namespace

TEST(functions_and_lambdas) {
  auto pool = process_pool();
  const pid_t here = getpid();
  CHECK(pool.submit(getpid_of_worker).get() != here);
  CHECK(pool.submit(add, 3, 4).get() == 7);
  CHECK(pool.submit(&add_quickly, 3, 4).get() == 7);
  CHECK(pool.submit([](int a, long b) { return a * b; }, 3, 4).get() == 12);
  CHECK(pool.submit([](int a) noexcept { return a; }, short(3)).get() == 3);
  CHECK(pool.submit([](auto a, auto b) { return a + b; }, 3, 0.5).get() == 3.5);
  CHECK(pool.submit(tripled(), std::string("ab")).get() == "ababab");
  CHECK(pool.submit(std::plus<>(), 3, 4).get() == 7);
  CHECK(pool.submit(referring(), 3).get() == 4);
  pool.submit([] {}).get();
  CHECK(pool.submit([](cf::task &t) { return std::string(t.worker_name()); }).get() == "crew_0");
  CHECK(
      pool.submit([](cf::task &t, int n) { return t.worker() + unsigned(n) * 10 < 20; }, 1).get());
}

TEST(values_that_are_bytes) {
  auto pool = process_pool();
  const point p = pool.submit(
                          [](point a, point b) {
                            return point{ a.x + b.x, a.y + b.y };
                          },
                          point{ 1, 2 }, point{ 10, 20 })
                      .get();
  CHECK(p.x == 11 && p.y == 22);
  CHECK(pool.submit([](no_default n) { return no_default(n.value + 1); }, no_default(4))
            .get()
            .value == 5);
  struct alignas(64) wide {
    int value;
  };
  CHECK(pool.submit([](const wide &w) { return wide{ w.value * 2 }; }, wide{ 4 }).get().value == 8);
  struct large {
    char bytes[100000];
  };
  auto big = std::make_unique<large>();
  big->bytes[99999] = 'x';
  auto back = pool.submit([](const large &l) { return l; }, *big);
  CHECK(back.get().bytes[99999] == 'x');
}

TEST(values_with_a_codec) {
  auto pool = process_pool();
  CHECK(pool.submit(greet, "you", 2).get() == "hello you\nhello you\n");
  CHECK(pool.submit(
                [](const std::vector<double> &v) {
                  return std::vector<double>(v.rbegin(), v.rend());
                },
                std::vector<double>{ 1, 2, 3 })
            .get() == std::vector<double>{ 3, 2, 1 });
  using table = std::vector<std::pair<std::string, std::optional<std::vector<int>>>>;
  const table t = { { "a", std::vector<int>{ 1, 2 } }, { "", std::nullopt } };
  auto f = pool.submit([](table x) { return x; }, t);
  CHECK(f.get() == t);
  CHECK(&f.get() == &f.get()); // decoded once
  CHECK(std::move(f).get() == t);
  const auto both = pool.submit([](std::tuple<int, std::string> x) { return x; },
                                std::tuple<int, std::string>(7, "seven"));
  CHECK(both.get() == std::tuple<int, std::string>(7, "seven"));
  CHECK(pool.submit([](std::wstring w) { return w + L"!"; }, std::wstring(3, L'x')).get() ==
        L"xxx!");
  CHECK(pool.submit([](picture p) { return p; }, picture{ 3, { 1, 2, 3 } }).get().pixels[2] == 3);
  CHECK(pool.submit([] { return std::string(); }).get().empty());
  CHECK(pool.submit([](boxed<int> b) { return b; }, boxed<int>{ 5 }).get().value == 7);
  const std::vector<bool> bits = { true, false, true };
  CHECK(pool.submit([](std::vector<bool> v) { return v; }, bits).get() == bits);
  CHECK(pool.submit([](nothing) { return nothing(); }, nothing()).result().has_value());
}

TEST(a_codec_that_is_wrong) {
  auto pool = process_pool();
  auto f = pool.submit([](liar l) { return l.value; }, liar{ 5 });
  CHECK_THROWS(cf::error, std::string(e.what()).find("cf::codec") != std::string::npos, f.get());
  auto g = pool.submit([](int n) { return liar{ n }; }, 5);
  CHECK_STATUS(CF_SIZE_MISMATCH, g.get());
  CHECK_STATUS(CF_INVALID_ARGUMENT, pool.submit([](fickle) {}, fickle()));
  CHECK_THROWS(cf::error, e.code() == 1, pool.submit([] { return fickle(); }).get());
}

TEST(exceptions_become_errors) {
  auto pool = process_pool();
  auto f =
      pool.submit([](int n) -> int { throw std::runtime_error("n is " + std::to_string(n)); }, 3);
  CHECK_THROWS(cf::error, e.status() == CF_TASK_FAILED && std::string(e.what()) == "n is 3",
               f.get());
  CHECK(f.result().error().code() == 1 && f.exception()->cause() == nullptr);
  CHECK_THROWS(cf::error, e.code() == 33, pool.submit([] { throw cf::error(33, "x"); }).get());
  CHECK_THROWS(cf::error, e.code() == 1, pool.submit([] { throw speechless(); }).get());
  const auto half = [](int n) -> cf::result<int> {
    if (n % 2 != 0) return cf::error(n, "odd");
    return n / 2;
  };
  CHECK(pool.submit(half, 8).get() == 4);
  CHECK_THROWS(cf::error, e.code() == 7, pool.submit(half, 7).get());
}

TEST(the_death_of_a_worker) {
  auto pool = process_pool();
  auto before = pool.submit(getpid_of_worker);
  before.wait();
  auto f = pool.submit([] { std::raise(SIGKILL); });
  CHECK_THROWS(cf::error, e.status() == CF_WORKER_DIED && e.signal() == SIGKILL && e.pid() > 0,
               f.get());
  CHECK(f.result().error().pid() == before.get());
  auto ended = pool.submit([] { _exit(5); });
  CHECK_THROWS(cf::error, e.exit_code() == 5 && e.signal() == 0, ended.get());
  CHECK(pool.submit(add, 1, 2).get() == 3);
}

TEST(a_death_that_breaks_the_pool) {
  auto pool = cf::process_pool(process_options().on_worker_death(CF_BREAK_POOL));
  CHECK_STATUS(CF_BROKEN_POOL, pool.submit([] { std::raise(SIGKILL); }).get());
  CHECK(pool.broken()->signal() == SIGKILL);
  CHECK_THROWS(cf::error, e.status() == CF_BROKEN_POOL && e.signal() == SIGKILL,
               pool.submit(add, 1, 2));
}

TEST(a_task_that_is_killed) {
  cf::process_pool pool(process_options().max_workers(1));
  auto f = pool.submit([] {
    for (;;) pause();
  });
  while (!f.running()) std::this_thread::yield();
  f.kill();
  CHECK_STATUS(CF_CANCELLED, f.get());
  auto g = pool.submit([] {
    for (;;) pause();
  });
  while (!g.running()) std::this_thread::yield();
  auto pending = pool.submit(greet, "you", 1);
  pool.kill_workers();
  CHECK_STATUS(CF_WORKER_DIED, g.get());
  CHECK_STATUS(CF_CANCELLED, pending.get());
  CHECK_STATUS(CF_SHUTDOWN, pool.submit(greet, "you", 1));
}

TEST(maps_over_bytes) {
  auto pool = process_pool();
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  const auto squares = pool.map([](int n) { return n * n; }, numbers).get();
  CHECK(squares.size() == 1000 && squares[999] == 999 * 999);
  CHECK(pool.map(add, numbers, std::vector<short>{ 1, 2 }).get() == std::vector<int>{ 1, 3 });
  int i = 0;
  for (std::string &s : pool.map([](int n) { return std::to_string(n); }, numbers))
    CHECK(s == std::to_string(i++));
  pool.map([](int) {}, numbers).get();
  CHECK(pool.map(add, std::vector<int>(), numbers).get().empty());
}

TEST(maps_over_values_with_a_codec) {
  auto pool = process_pool();
  const std::vector<std::string> words = { "a", "bc", "def" };
  const auto sizes = pool.map([](const std::string &s) { return s.size(); }, words).get();
  CHECK(sizes == std::vector<std::size_t>{ 1, 2, 3 });
  auto greetings = pool.map(greet, words, std::vector<int>{ 1, 1 });
  CHECK(greetings.next()->value() == "hello a\n" && greetings.next()->value() == "hello bc\n");
  CHECK(!greetings.next());
  const auto picky = [](const std::string &s) {
    if (s == "bc") std::raise(SIGKILL);
    return s;
  };
  auto m = pool.map(picky, words);
  CHECK(m.next()->value() == "a");
  const auto second = m.next();
  CHECK(second->error().signal() == SIGKILL && second->error().index() == 1);
  CHECK(m.next()->value() == "def" && !m.next());
}

TEST(an_item_that_kills_its_worker) {
  auto pool = process_pool();
  const auto picky = [](int n) {
    if (n == 50) std::raise(SIGKILL);
    return n;
  };
  std::vector<int> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 0);
  int good = 0, bad = 0;
  auto m = pool.map(picky, numbers);
  while (auto item = m.next()) {
    good += item->has_value();
    if (!*item) CHECK(item->error().index() == 50 && item->error().signal() == SIGKILL && !bad++);
  }
  CHECK(good == 99 && bad == 1);
}

TEST(a_map_whose_time_is_over) {
  auto pool = process_pool();
  cf::map_options soon;
  soon.limit = 50ms;
  const auto sleeps = [](int n) {
    for (;;) pause();
    return n;
  };
  auto bytes = pool.map(soon, sleeps, std::vector<int>{ 1, 2, 3, 4 });
  CHECK(bytes.next()->status() == CF_TIMEOUT && !bytes.next());
  const auto text_sleeps = [](const std::string &s) {
    for (;;) pause();
    return s;
  };
  auto texts = pool.map(soon, text_sleeps, std::vector<std::string>{ "a", "b", "c" });
  CHECK(texts.next()->status() == CF_TIMEOUT && !texts.next());
  pool.kill_workers();
}

TEST(memory_that_is_shared) {
  auto pool = process_pool();
  auto numbers = pool.shared_alloc<int>(1000);
  CHECK(numbers.size() == 1000 && numbers[999] == 0);
  const auto fill = [](cf::shared_span<int> part, int value) {
    for (int &n : part) n = value;
  };
  auto low = pool.submit(fill, numbers.span().part(0, 500), 1);
  auto high = pool.submit(fill, numbers.span().part(500, 500), 2);
  low.get(), high.get();
  CHECK(std::accumulate(numbers.begin(), numbers.end(), 0) == 1500);
  auto moved = std::move(numbers);
  CHECK(moved.data()[0] == 1);
  CHECK(pool.try_shared_alloc<int>(SIZE_MAX / 2).status() == CF_NO_MEMORY);
  CHECK(pool.shared_alloc<int>(0).size() == 0);
}

TEST(initializers) {
  static int offset = 0;
  const auto set = [](const std::string &text, int n) { offset = int(text.size()) + n; };
  cf::process_pool pool(process_options().initializer(set, "abc", 10));
  CHECK(pool.submit([] { return offset; }).get() == 13);
  CHECK(offset == 0);
  cf::process_pool broken(
      process_options().initializer([] { throw std::runtime_error("no gpu"); }));
  CHECK_STATUS(CF_BROKEN_POOL, broken.submit([] {}).get());
  CHECK(std::string(broken.broken()->what()).find("no gpu") != std::string::npos);
}

TEST(options_that_cannot_be) {
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::process_pool(process_options().max_workers(5000)));
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::process_pool(process_options().max_tasks_per_child(0)));
  CHECK_STATUS(CF_INVALID_ARGUMENT, cf::process_pool(process_options().worker_program("")));
  const auto made = cf::process_pool::make(process_options().shared_memory_limit(1));
  CHECK(made.status() == CF_NO_MEMORY);
  int (*missing)(int) = nullptr;
  CHECK_STATUS(CF_UNKNOWN_FUNCTION, cf::process_pool(process_options().initializer(missing, 1)));
}

TEST(functions_of_other_files) {
  auto pool = process_pool();
  int (*missing)(int) = nullptr;
  CHECK_STATUS(CF_UNKNOWN_FUNCTION, pool.submit(missing, 1));
  CHECK_STATUS(CF_UNKNOWN_FUNCTION, pool.map(missing, std::vector<int>{ 1 }));
  const char *(*name)(int) = cf_status_name; // its result could not travel anyway
  const auto named = [](int status) { return std::string(cf_status_name(status)); };
  CHECK(pool.submit(named, int(CF_TIMEOUT)).get() == name(CF_TIMEOUT));
  std::uint32_t (*elsewhere)() = cf_version;
  CHECK_STATUS(CF_UNKNOWN_FUNCTION, pool.submit(elsewhere));
}

TEST(a_library_submits_functions_of_its_own) {
  auto pool = process_pool();
  CHECK(pool.submit(times_two, 5).get() == 110);
  CHECK(twice_in_library(pool, 5) == 10);
  CHECK(pool.map(times_two, std::vector<int>{ 1, 2 }).get() == std::vector<int>({ 102, 104 }));
  CHECK(map_in_library(pool, 3) == std::vector<int>({ 2, 4, 6 }));
}

TEST(futures_of_both_kinds_of_pools) {
  auto pool = process_pool();
  cf::thread_pool threads(1);
  std::vector<cf::future<int>> both = { pool.submit(add, 1, 2), threads.submit(add, 3, 4) };
  int sum = 0;
  for (auto &f : cf::as_completed(both)) sum += f.get();
  CHECK(sum == 10 && cf::wait(both).done.size() == 2);
  std::atomic<int> called{ 0 };
  both[0].add_done_callback([&](const cf::future<int> &f) { called = f.get(); });
  auto text = pool.submit(greet, "you", 1);
  cf::promise<std::string> seen;
  text.add_done_callback([seen](const cf::future<std::string> &f) { seen.set_value(f.get()); });
  CHECK(seen.get_future().get() == "hello you\n");
  CHECK(threads.submit([&] { return pool.submit(add, 5, 6).get(); }).get() == 11);
  pool.shutdown();
  CHECK(called == 3);
}
