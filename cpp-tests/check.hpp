/*
 * The harness of the C++ tests: tests, assertions, gates, and objects that count their lives.
 *
 * Used by every suite in this folder; check.cpp holds the main function. A suite is a program:
 *
 *     <suite> [threads|fork|spawn [one test's name]]
 *
 * Always true: after each test as many instances of check::counted have ended as were made.
 */
#ifndef CFUTURES_CPP_CHECK_HPP
#define CFUTURES_CPP_CHECK_HPP

#include <cfutures.hpp>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>

/* ---------------------------------------------------------------- tests and assertions
 * A failed assertion says where and what, and ends the suite with exit code 1: in tests, tasks,
 * callbacks and other threads; in a worker process it ends the task's worker. */

#define TEST(name)                                                                                 \
  static void name();                                                                              \
  static check::test test_##name(#name, name);                                                     \
  static void name()

#define CHECK(...) ((__VA_ARGS__) ? void() : check::fail(__FILE__, __LINE__, #__VA_ARGS__))

/* The expression throws an exception of this type, for which the condition on `e` holds. */
#define CHECK_THROWS(type, condition, ...)                                                         \
  do {                                                                                             \
    bool thrown = false;                                                                           \
    try {                                                                                          \
      (void)(__VA_ARGS__);                                                                         \
    } catch (const type &e) {                                                                      \
      (void)e;                                                                                     \
      thrown = true;                                                                               \
      CHECK(condition);                                                                            \
    }                                                                                              \
    if (!thrown) check::fail(__FILE__, __LINE__, #__VA_ARGS__ " does not throw");                  \
  } while (0)

/* The expression throws a cf::error with this status. */
#define CHECK_STATUS(expected, ...) CHECK_THROWS(cf::error, e.status() == (expected), __VA_ARGS__)

namespace check {

struct test {
  test(const char *its_name, void (*its_body)());
  const char *name;
  void (*body)();
  test *next = nullptr;
};

[[noreturn]] void fail(const char *file, int line, const char *what);

/* What the first argument of the program says; "threads" without one. */
const char *kind();
cf_start_method start_method(); /* of a suite over processes */

/* ---------------------------------------------------------------- lives */

/* Knows how many of it there are. It can be told to throw when it is copied or moved. */
class counted {
public:
  explicit counted(int value = 0) noexcept : value_(value) { made++; }
  counted(const counted &other) : counted(other, other.poisoned_) {}
  counted(counted &&other) : counted(other, other.poisoned_) {}
  counted &operator=(const counted &) = default;
  ~counted() { ended++; }

  int value() const noexcept { return value_; }
  static long alive() noexcept { return made - ended; }

  static std::atomic<long> made, ended;

protected:
  bool poisoned_ = false;

private:
  counted(const counted &other, bool poisoned) : value_(other.value_) {
#if CFUTURES_EXCEPTIONS
    if (poisoned) throw 13;
#else
    (void)poisoned;
#endif
    made++;
  }

  int value_;
};

struct poisoned : counted {
  poisoned() { poisoned_ = true; }
  poisoned(const poisoned &) = default;
};

/* One that only moves. */
struct counted_unique : counted {
  using counted::counted;
  counted_unique(counted_unique &&) = default;
};

/* ---------------------------------------------------------------- gates */

/* Holds threads until it is opened, and tells when they have come. */
class gate {
public:
  void pass() {
    std::unique_lock<std::mutex> lock(mutex_);
    arrived_++;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void await(int n) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [&] { return arrived_ >= n; });
  }
  void open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int arrived_ = 0;
  bool open_ = false;
};

/* A pool of one worker, which stands at a gate: what is submitted does not start. */
class busy_pool {
public:
  busy_pool() : pool(1) {
    holder_ = pool.submit([this] { gate_.pass(); });
    gate_.await(1);
  }
  ~busy_pool() { gate_.open(); }
  void open() { gate_.open(); }

private:
  gate gate_;

public:
  cf::thread_pool pool;

private:
  cf::future<void> holder_;
};

} // namespace check

#endif
