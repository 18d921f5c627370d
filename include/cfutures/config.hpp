/**
 * @file cfutures/config.hpp
 * What all headers of the C++ interface share: the namespace, whether there are exceptions, and how
 * long a wait may take.
 *
 * Included by every other header of this folder; a program includes <cfutures.hpp>.
 * Always true: code compiled with exceptions and code compiled without never share a definition,
 * so that a program may be linked of both.
 */
#ifndef CFUTURES_CONFIG_HPP
#define CFUTURES_CONFIG_HPP

#if !defined(__cplusplus) || __cplusplus < 201703L
#error "cfutures.hpp needs C++17 or newer: -std=c++17"
#endif

#include <cfutures.h>

#include <chrono>
#include <cstddef>
#include <cstdint>

#if defined(__cpp_exceptions)
#define CFUTURES_EXCEPTIONS 1
#define CFUTURES_NAMESPACE v0
#else
#define CFUTURES_EXCEPTIONS 0
#define CFUTURES_NAMESPACE v0_no_exceptions
#endif

/* Concepts would give other messages in C++20 than in C++17: static_assert says the same in both. */
#define CFUTURES_BEGIN                                                                             \
  namespace cf {                                                                                   \
  inline namespace CFUTURES_NAMESPACE {
#define CFUTURES_END                                                                               \
  }                                                                                                \
  }

/*
 * Each shared library has its own copy of what is marked so. Worker processes find a task by the
 * file that it lies in; the loader must not put another file's copy in its place.
 */
#define CFUTURES_LOCAL [[gnu::visibility("hidden")]]
/* What is thrown in one shared library is caught in another, however both are compiled. */
#define CFUTURES_SHARED [[gnu::visibility("default")]]

CFUTURES_BEGIN

/**
 * How long a wait may take: any std::chrono duration, or a point of time of any clock.
 *
 * Fractions are rounded up, what is too large means no limit, what is negative has expired. 0 polls.
 *
 * Python: a `timeout` argument.
 *
 * @code{.cpp}
 * using namespace std::chrono_literals;
 * if (!future.wait(250ms)) std::puts("not done yet");
 * if (!future.wait(std::chrono::steady_clock::now() + 1s)) std::puts("still not");
 * @endcode
 */
class timeout {
public:
  /** No limit. */
  constexpr timeout() noexcept : nanoseconds_(CF_FOREVER) {}

  /** From now on. */
  template <class Rep, class Period>
  constexpr timeout(std::chrono::duration<Rep, Period> span) noexcept : nanoseconds_(from(span)) {}

  /** Until then; counted from this moment. */
  template <class Clock, class Duration>
  timeout(std::chrono::time_point<Clock, Duration> when) noexcept : nanoseconds_(until(when)) {}

  /** The form in which the C interface takes it. */
  constexpr std::int64_t nanoseconds() const noexcept { return nanoseconds_; }

private:
  /* Beyond three years whole numbers may overflow on their way to nanoseconds, those of a duration in
   * sixtieths of a second for instance; floating point does not, and is off by microseconds. */
  static constexpr double far_away = 1e8;

  template <class Duration> static constexpr double seconds(Duration span) noexcept {
    return std::chrono::duration<double>(span).count();
  }

  template <class Rep, class Period>
  static constexpr std::int64_t from(std::chrono::duration<Rep, Period> span) noexcept {
    const double length = seconds(span);
    if (length >= 9.2e9) return CF_FOREVER; // 292 years is where nanoseconds end
    if (!(length >= 0)) return -1;          // NaN as well
    if (length > far_away) return static_cast<std::int64_t>(length * 1e9);
    return std::chrono::ceil<std::chrono::nanoseconds>(span).count();
  }

  template <class Clock, class Duration>
  static std::int64_t until(std::chrono::time_point<Clock, Duration> when) noexcept {
    const auto now = Clock::now();
    const double length = seconds(when.time_since_epoch()) - seconds(now.time_since_epoch());
    if (length > -far_away && length < far_away) return from(when - now);
    return from(std::chrono::duration<double>(length));
  }

  std::int64_t nanoseconds_;
};

/** A wait without limit. Python: `timeout=None`. */
inline constexpr timeout forever{};

/**
 * Lets the workers of spawned pools run this very program. Call it first thing in main().
 *
 * See cf_worker_main(). Python: `if __name__ == "__main__":`.
 *
 * @code{.cpp}
 * int main() {
 *   cf::worker_main();
 *   cf::process_pool pool;
 * }
 * @endcode
 */
inline void worker_main() { cf_worker_main(); }

CFUTURES_END

#endif
