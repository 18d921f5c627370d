/**
 * @file cfutures/promise.hpp
 * cf::promise<T>: a future that no pool completes.
 *
 * Used by programs and by coroutine.hpp. Always true: of several that complete it the first wins, and
 * it alone writes the result.
 */
#ifndef CFUTURES_PROMISE_HPP
#define CFUTURES_PROMISE_HPP

#include <cfutures/future.hpp>

CFUTURES_BEGIN

namespace detail { // coroutine.hpp
template <class T> struct coroutine_outcome;
template <class T> struct coroutine_result;
} // namespace detail

/**
 * The other end of a future that is completed by hand.
 *
 * Its future can be cancelled until set_running() or a setter was called. Unlike std::promise it may
 * be used from several threads at the same time, and a future whose promise is dropped just stays
 * pending.
 *
 * Python: `Future()`, `set_result(x)`, `set_exception(e)`.
 *
 * @code{.cpp}
 * cf::promise<std::string> answer;
 * cf::future<std::string> f = answer.get_future();
 * connection.on_reply([answer](std::string text) { answer.set_value(std::move(text)); });
 * @endcode
 */
template <class T> class promise {
public:
  /** Throws cf::error with CF_NO_MEMORY. */
  promise() {
    std::unique_ptr<shared> place(new shared());
    cf_future *raw;
    detail::check(cf_future_new(&raw));
    future_ = future<T>(raw, place.release());
  }

  /** The future; as many handles as one likes. */
  future<T> get_future() const noexcept { return future_; }

  /** Says that the work begins. False: there is none, the future was cancelled or has an end. */
  bool set_running() const noexcept {
    bool run = false;
    return cf_future_set_running_or_notify_cancel(future_.c_future(), &run) == CF_OK && run;
  }

  /**
   * Completes the future with a value; nothing for void. False: somebody was faster.
   *
   * If copying or moving the value throws, the future fails with that exception.
   */
  template <class... U> bool set_value(U &&...value) const {
    if (!claim()) return false;
    const auto complete = [&] {
      keep(std::forward<U>(value)...);
      return publish();
    };
    return detail::guarded(complete, [&](const detail::failure &why) { return fail(why); }) != 0;
  }

  /** Completes the future with a failure. False: somebody was faster. */
  bool set_exception(const error &why) const {
    return claim() && fail(detail::failure::of(why)) != 0;
  }
#if CFUTURES_EXCEPTIONS
  /** The same with an exception of any type, which get() throws again. */
  bool set_exception(std::exception_ptr cause) const {
    if (!claim()) return false;
    try {
      std::rethrow_exception(std::move(cause));
    } catch (...) {
      return detail::fail_with_exception([&](const detail::failure &why) { return fail(why); }) !=
             0;
    }
  }
#endif

private:
  template <class> friend struct detail::coroutine_outcome;
  template <class> friend struct detail::coroutine_result;

  struct shared : detail::state<T> {
    shared() noexcept : detail::state<T>(1, end) {}
    static void end(detail::state_base *self) noexcept { delete static_cast<shared *>(self); }
    std::atomic<bool> claimed{ false };
  };

  /* Makes the caller the one who completes, unless the future was cancelled. */
  bool claim() const noexcept {
    bool run = true;
    if (!future_.valid()) return false; // moved from
    const cf_status status = cf_future_set_running_or_notify_cancel(future_.c_future(), &run);
    if (status == CF_OK && !run) return false; // else it runs now, or set_running() was called
    return !here().claimed.exchange(true);
  }

  /* The value, for who has claimed or has the promise for itself. */
  template <class... U> void keep(U &&...value) const {
    static_assert(std::is_void_v<T> ? sizeof...(U) == 0 : sizeof...(U) == 1,
                  "cf::promise::set_value: one value, or nothing for a promise<void>");
    static_assert(!std::is_reference_v<T> || (true && ... && std::is_lvalue_reference_v<U &&>),
                  "cf::promise::set_value: what a promise<T &> refers to must outlive the call");
    if constexpr (std::is_reference_v<T>)
      here().kept.emplace(std::addressof(value)...);
    else
      here().kept.emplace(std::forward<U>(value)...);
  }

  /* Tells what is kept: 1, or 0 when it could not be told. */
  std::int32_t publish() const noexcept {
    return cf_future_set_result(future_.c_future(), nullptr, 0) == CF_OK;
  }
  std::int32_t fail(const detail::failure &why) const noexcept {
    here().cause = why.cause;
    return cf_future_set_exception(future_.c_future(), why.code, why.text) == CF_OK;
  }

  shared &here() const noexcept { return *static_cast<shared *>(future_.state_); }

  future<T> future_;
};

CFUTURES_END

#endif
