/*
 * Shows: the interface without exceptions and RTTI, through cf::result. Compiled with -fno-exceptions
 * -fno-rtti, and linked with check.cpp, which is not.
 */
#include "processes.hpp"

#include <csignal>
#include <sys/wait.h>

using check::counted;

#if CFUTURES_EXCEPTIONS
#error "this suite is compiled with -fno-exceptions"
#endif

TEST(pools_and_their_results) {
  cf::result<cf::thread_pool> pool = cf::thread_pool::make(cf::thread_options().max_workers(2));
  CHECK(pool.has_value());
  auto f = pool->submit([c = counted(1)](int n) { return c.value() + n; }, 2);
  CHECK(f.result().value() == 3 && f.get() == 3);
  CHECK(pool->submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(4)).get() !=
        nullptr);
  CHECK(!cf::thread_pool::make(cf::thread_options().max_workers(0)));
}

TEST(failures) {
  cf::thread_pool pool(1);
  const auto divide = [](int a, int b) -> cf::result<int> {
    if (b == 0) return cf::error(33, "division by zero");
    return a / b;
  };
  CHECK(pool.submit(divide, 6, 3).result().value_or(0) == 2);
  const cf::result<int> failed = pool.submit(divide, 6, 0).result();
  CHECK(failed.status() == CF_TASK_FAILED && failed.error().code() == 33);
  CHECK(std::string(failed.error().what()) == "division by zero");
  check::busy_pool busy;
  auto cancelled = busy.pool.submit([c = counted(1)] {});
  CHECK(cancelled.cancel() && cancelled.result().status() == CF_CANCELLED && counted::alive() == 0);
  pool.shutdown();
  CHECK(pool.try_submit([c = counted(2)] {}).status() == CF_SHUTDOWN);
  CHECK(counted::alive() == 0);
  CHECK(pool.try_map(
                {}, [](int n) { return n; }, std::vector<int>{ 1 })
            .status() == CF_SHUTDOWN);
}

TEST(many) {
  cf::thread_pool pool(2);
  std::vector<cf::future<int>> futures;
  for (int i = 0; i < 10; i++) futures.push_back(pool.submit([i] { return i; }));
  CHECK(cf::try_wait(futures)->done.size() == 10);
  int sum = 0;
  auto completed = cf::as_completed(futures);
  while (auto f = completed.next()) sum += f->get();
  CHECK(sum == 45);
  auto m = pool.map(
      [](int n) -> cf::result<int> {
        if (n == 2) return cf::error(2, "two");
        return n;
      },
      std::vector<int>{ 1, 2, 3 });
  CHECK(m.next()->value() == 1 && m.next()->error().code() == 2 && m.next()->value() == 3 &&
        !m.next());
  std::atomic<int> seen{ 0 };
  CHECK(pool.try_for_range(0, 10, [&](std::size_t) { seen++; }).has_value() && seen == 10);
  futures[3].add_done_callback([&](const cf::future<int> &f) { seen = f.get(); });
  pool.shutdown();
  CHECK(seen == 3);
  cf::promise<std::string> p;
  CHECK(p.set_exception(cf::error(7, "seven")) && p.get_future().result().error().code() == 7);
}

TEST(processes) {
  auto pool = cf::process_pool::make(cf::process_options().max_workers(1));
  CHECK(pool.has_value());
  CHECK(pool->submit([](const std::string &s) { return s + s; }, "ab").result().value() == "abab");
  const auto died = pool->submit([] { std::raise(SIGKILL); }).result();
  CHECK(died.status() == CF_WORKER_DIED && died.error().signal() == SIGKILL &&
        died.error().pid() > 0);
  const auto half = [](int n) -> cf::result<int> {
    if (n % 2 != 0) return cf::error(n, "odd");
    return n / 2;
  };
  CHECK(pool->submit(half, 4).get() == 2 && pool->submit(half, 5).result().error().code() == 5);
}

TEST(what_would_throw_ends_the_program) {
  const pid_t child = fork();
  if (child == 0) {
    if (freopen("/dev/null", "w", stderr) == nullptr) _exit(1);
    cf::promise<int> p;
    p.set_exception(cf::error(7, "seven"));
    p.get_future().get();
    _exit(0);
  }
  int status;
  CHECK(waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
