/*
 * Shows: what a handle of a future is, every way to ask it, and callbacks.
 */
#include "check.hpp"

#include <thread>
#include <unordered_map>

using namespace std::chrono_literals;

TEST(a_handle_is_shared) {
  cf::thread_pool pool(1);
  cf::future<int> empty;
  CHECK(!empty.valid() && !empty.done() && !empty.cancel());
  CHECK_STATUS(CF_INVALID_ARGUMENT, empty.get());
  CHECK_STATUS(CF_INVALID_ARGUMENT, empty.wait());
  auto f = pool.submit([] { return std::string("text"); });
  auto same = f;
  CHECK(f == same && f != empty && f.valid());
  CHECK(&f.get() == &same.get());
  auto moved = std::move(f);
  CHECK(!f.valid() && moved == same); // NOLINT: that a moved handle is empty is what this shows
  cf::any_future any = moved;
  CHECK(any == same && any.done() && !any.running() && any.state() == CF_STATE_FINISHED);
  std::unordered_map<cf::future<std::string>, int> numbers;
  numbers[moved] = 5;
  CHECK(numbers.at(same) == 5);
  CHECK(std::hash<cf::any_future>()(any) == std::hash<cf::future<std::string>>()(same));
}

TEST(states_on_the_way) {
  check::gate gate;
  cf::thread_pool pool(1);
  auto running = pool.submit([&gate] { gate.pass(); });
  auto pending = pool.submit([] { return 1; });
  gate.await(1);
  CHECK(running.running() && running.state() == CF_STATE_RUNNING && !running.cancel());
  CHECK(pending.state() == CF_STATE_PENDING && !pending.done());
  CHECK(pending.cancel() && pending.cancelled() && pending.done());
  gate.open();
  running.get();
  CHECK(running.done() && !running.running());
}

TEST(limits_of_time) {
  check::busy_pool busy;
  auto f = busy.pool.submit([] { return 1; });
  CHECK(!f.wait(0ms) && !f.wait(1ms) && !f.wait(-1s) && !f.wait_for(1us));
  CHECK(!f.wait(std::chrono::duration<double, std::milli>(0.5)));
  CHECK(!f.wait_until(std::chrono::steady_clock::now() + 1ms));
  CHECK(!f.wait_until(std::chrono::system_clock::now() - 1h));
  CHECK(f.try_wait(0s) == CF_TIMEOUT);
  CHECK_STATUS(CF_TIMEOUT, f.get(1ms));
  CHECK_STATUS(CF_TIMEOUT, f.exception(1ms));
  CHECK(f.result(1ms).status() == CF_TIMEOUT);
  busy.open();
  CHECK(f.wait(cf::forever) && f.wait(std::chrono::hours::max()) && f.get(10min) == 1);
}

TEST(durations_become_nanoseconds) {
  using std::chrono::duration;
  CHECK(cf::timeout().nanoseconds() == CF_FOREVER && cf::forever.nanoseconds() == CF_FOREVER);
  CHECK(cf::timeout(1ns).nanoseconds() == 1 && cf::timeout(2s).nanoseconds() == 2'000'000'000);
  CHECK(cf::timeout(0s).nanoseconds() == 0 && cf::timeout(-1ns).nanoseconds() < 0);
  CHECK(cf::timeout(duration<double>(1e-10)).nanoseconds() == 1); // rounded up
  CHECK(cf::timeout(duration<double>(1e300)).nanoseconds() == CF_FOREVER);
  CHECK(cf::timeout(duration<double>(-1e300)).nanoseconds() < 0);
  CHECK(cf::timeout(duration<double>(0.0 / 0.0 * 1.0)).nanoseconds() < 0);
  CHECK(cf::timeout(std::chrono::hours::max()).nanoseconds() == CF_FOREVER);
  CHECK(cf::timeout(std::chrono::hours::min()).nanoseconds() < 0);
  CHECK(cf::timeout(std::chrono::nanoseconds::max()).nanoseconds() == CF_FOREVER);
  static_assert(cf::timeout(1ms).nanoseconds() == 1'000'000);
}

TEST(times_that_are_far_away) {
  using std::chrono::system_clock;
  using seconds_of_system = std::chrono::time_point<system_clock, std::chrono::seconds>;
  using frames = std::chrono::duration<std::int64_t, std::ratio<1, 60>>;
  CHECK(cf::timeout(seconds_of_system::max()).nanoseconds() == CF_FOREVER);
  CHECK(cf::timeout(seconds_of_system::min()).nanoseconds() < 0);
  CHECK(cf::timeout(system_clock::time_point::min()).nanoseconds() < 0);
  CHECK(cf::timeout(std::chrono::steady_clock::time_point::max()).nanoseconds() > 0);
  CHECK(cf::timeout(frames(60)).nanoseconds() == 1'000'000'000);
  const double years_200 = 200 * 365.25 * 86400;
  const auto far_away = cf::timeout(frames(std::int64_t(years_200 * 60))).nanoseconds();
  CHECK(far_away > 6.3e18 && far_away < 6.4e18);
  CHECK(cf::timeout(frames::max()).nanoseconds() == CF_FOREVER);
}

TEST(how_a_call_ended) {
  cf::thread_pool pool(1);
  CHECK(!pool.submit([] {}).exception());
  auto failed = pool.submit([] { throw cf::error(5, "five"); }).exception();
  CHECK(failed && failed->code() == 5 && failed->cause() != nullptr);
  check::busy_pool busy;
  auto cancelled = busy.pool.submit([] {});
  cancelled.cancel();
  CHECK(cancelled.exception()->status() == CF_CANCELLED);
  CHECK(cancelled.wait() && cancelled.try_wait() == CF_OK);
  CHECK_STATUS(CF_CANCELLED, cancelled.get());
  CHECK(cancelled.result().status() == CF_CANCELLED);
}

TEST(only_processes_can_be_killed) {
  check::busy_pool busy;
  auto f = busy.pool.submit([] {});
  CHECK_STATUS(CF_UNSUPPORTED, f.kill());
  CHECK(f.cancel());
  CHECK_STATUS(CF_UNSUPPORTED, f.kill());
}

TEST(callbacks_in_their_order) {
  check::busy_pool busy;
  std::string order;
  auto f = busy.pool.submit([] { return 7; });
  f.add_done_callback([&](const cf::future<int> &done) { order += std::to_string(done.get()); });
  f.add_done_callback([&](cf::future<int> done) { order += done == f ? 'b' : '?'; });
  f.add_done_callback([&](const cf::any_future &done) { order += done.done() ? 'c' : '?'; });
  CHECK(f.try_add_done_callback([&] { order += 'd'; }) == CF_OK);
  busy.open();
  busy.pool.shutdown(); // waiters may wake before the callbacks have run
  CHECK(order == "7bcd");
  f.add_done_callback([&, own = std::make_unique<char>('e')] { order += *own; });
  CHECK(order == "7bcde");
}

TEST(a_callback_may_take_the_result) {
  check::busy_pool busy;
  std::unique_ptr<int> taken;
  busy.pool.submit([] { return std::make_unique<int>(5); })
      .add_done_callback([&](cf::future<std::unique_ptr<int>> f) { taken = std::move(f).get(); });
  busy.open();
  busy.pool.shutdown();
  CHECK(*taken == 5);
}

TEST(a_future_of_the_c_interface) {
  cf::thread_pool pool(1);
  cf_future *raw;
  const int n = 3;
  const auto echo = [](cf_task *task, void *arg, std::size_t size) {
    return cf_task_return(task, arg, size);
  };
  CHECK(cf_executor_submit(pool.c_executor(), echo, &n, sizeof n, &raw) == CF_OK);
  cf::future<int> f(raw, nullptr);
  CHECK(f.get() == 3);
  cf::future<long> wrong(cf_future_retain(raw), nullptr);
  CHECK_STATUS(CF_SIZE_MISMATCH, wrong.get());
}

namespace {

/* Can be made of a number only explicitly, and throws when it is moved. */
struct fragile {
  explicit fragile(int n) : number(n) {}
  fragile(const fragile &) = delete;
  fragile(fragile &&other) : number(other.number) {
    if (number == 13) throw 13;
  }
  fragile &operator=(fragile &&) = default;
  int number;
};

struct pair_of_numbers {
  int first, second;
};

cf::result<pair_of_numbers> both(bool good) {
  if (!good) return cf::error(1, "not good");
  return { { 3, 4 } };
}

} // namespace

TEST(what_becomes_a_result_and_what_does_not) {
  static_assert(std::is_convertible_v<int, cf::result<long>>);
  static_assert(std::is_constructible_v<cf::result<fragile>, int>);
  static_assert(!std::is_convertible_v<int, cf::result<fragile>>);
  static_assert(!std::is_convertible_v<int *, cf::result<std::unique_ptr<int>>>);
  static_assert(!std::is_constructible_v<cf::result<bool>, cf::result<int>>);
  static_assert(!std::is_constructible_v<cf::result<std::string>, int *>);
  CHECK(both(true)->second == 4 && both(false).error().code() == 1);
}

TEST(a_result_after_an_assignment_that_throws) {
  cf::result<fragile> r = cf::error(CF_TIMEOUT);
  cf::result<fragile> unlucky(12);
  unlucky->number = 13;
  CHECK_THROWS(int, e == 13, r = std::move(unlucky));
  CHECK(!r && r.status() == CF_INVALID_STATE && r.error().what() != nullptr);
  r = cf::result<fragile>(14);
  CHECK(r->number == 14);
}

TEST(results_as_values) {
  cf::result<int> three = 3;
  CHECK(three && *three == 3 && three.value() == 3 && three.status() == CF_OK);
  *three = 4;
  CHECK(three.value_or(9) == 4);
  cf::result<int> none = cf::error(CF_TIMEOUT);
  CHECK(!none && none.status() == CF_TIMEOUT && none.value_or(9) == 9);
  CHECK_STATUS(CF_TIMEOUT, none.value());
  cf::result<std::string> text = "abc";
  CHECK(text->size() == 3 && std::move(text).value() == "abc");
  int n = 0;
  cf::result<int &> reference = n;
  *reference = 5;
  CHECK(n == 5 && &reference.value() == &n);
  cf::result<void> nothing;
  nothing.value();
  const cf::error unknown(CF_WORKER_DIED);
  CHECK(unknown.pid() == 0 && unknown.signal() == 0 && unknown.exit_code() == -1);
  CHECK(std::string(unknown.what()) == cf_status_message(CF_WORKER_DIED));
  CHECK(cf::error(0, "zero is no failure").code() == -1);
}
