/**
 * @file cfutures/coroutine.hpp
 * co_await for cf::future, and coroutines that return one. Empty before C++20.
 *
 * Used by programs. Always true: a coroutine that waits for a future uses no thread meanwhile; it
 * goes on where the future is completed, as a callback does.
 */
#ifndef CFUTURES_COROUTINE_HPP
#define CFUTURES_COROUTINE_HPP

#include <cfutures/promise.hpp>

#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)
#define CFUTURES_COROUTINES 1
#include <coroutine>

CFUTURES_BEGIN
namespace detail {

/* What co_await waits with. Future is a reference: an rvalue gives its result away. */
template <class Future> class awaiter {
public:
  explicit awaiter(Future &&f) noexcept : future_(std::forward<Future>(f)) {}

  bool await_ready() const noexcept { return future_.done(); }

  bool await_suspend(std::coroutine_handle<> self) const noexcept {
    // As soon as the callback is there the coroutine may go on elsewhere and end, with this object.
    const any_future kept = future_;
    const auto resume = [](cf_future *, void *frame) noexcept {
      std::coroutine_handle<>::from_address(frame).resume();
    };
    return cf_future_add_done_callback(kept.c_future(), resume, self.address(), nullptr) == CF_OK;
  }

  decltype(auto) await_resume() const { return std::forward<Future>(future_).get(); }

private:
  Future &&future_;
};

/* The part of a coroutine's promise that depends on whether it returns a value. */
template <class T> struct coroutine_result {
  promise<T> answer;
  template <class U> void return_value(U &&value) { answer.set_value(std::forward<U>(value)); }
};
template <> struct coroutine_result<void> {
  promise<void> answer;
  void return_void() { answer.set_value(); }
};

template <class T> struct coroutine_promise : coroutine_result<T> {
  future<T> get_return_object() const noexcept { return this->answer.get_future(); }
  std::suspend_never initial_suspend() const noexcept { return {}; }
  std::suspend_never final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept {
#if CFUTURES_EXCEPTIONS
    this->answer.set_exception(std::current_exception());
#endif
  }
};

} // namespace detail

/**
 * Waits for a future in a coroutine; gives or throws what get() does.
 *
 * The coroutine goes on on the thread that completes the future, or at once if it is done.
 *
 * @code{.cpp}
 * cf::future<std::size_t> total(cf::thread_pool &pool, std::string a, std::string b) {
 *   auto first = pool.submit(load, a), second = pool.submit(load, b);
 *   co_return (co_await first).size() + (co_await second).size();
 * }
 * @endcode
 */
template <class T>
detail::awaiter<const future<T> &> operator co_await(const future<T> &f) noexcept {
  return detail::awaiter<const future<T> &>(f);
}
template <class T> detail::awaiter<future<T>> operator co_await(future<T> &&f) noexcept {
  return detail::awaiter<future<T>>(std::move(f));
}

CFUTURES_END

/** A coroutine may return a cf::future<T>: it runs at once, and up to its end if it never waits. */
template <class T, class... Args> struct std::coroutine_traits<cf::future<T>, Args...> {
  using promise_type = cf::detail::coroutine_promise<T>;
};

#else
#define CFUTURES_COROUTINES 0
#endif

#endif
