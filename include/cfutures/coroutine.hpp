/**
 * @file cfutures/coroutine.hpp
 * co_await for cf::future, and coroutines that return one. Empty before C++20.
 *
 * Used by programs. Always true:
 * - a coroutine that waits for a future uses no thread meanwhile; it goes on where the future is
 *   completed, as a callback does;
 * - the future of a coroutine is done when all that the coroutine had has ended, its parameters too;
 * - a chain of coroutines that wait for each other goes on without nesting, however long it is.
 */
#ifndef CFUTURES_COROUTINE_HPP
#define CFUTURES_COROUTINE_HPP

#include <cfutures/promise.hpp>

#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)
/** Whether there is co_await: 1 or 0. */
#define CFUTURES_COROUTINES 1
#include <coroutine>

CFUTURES_BEGIN
namespace detail {

/* A coroutine that waits. It stands in the coroutine's own frame. */
struct suspended {
  std::coroutine_handle<> coroutine;
  suspended *next = nullptr;
};

/*
 * Resumes coroutines one after another on this thread's stack. When the one that runs ends, those
 * that waited for it run next, in its place and not inside of it. Nothing else is put off: what a
 * coroutine completes while it runs goes on at once, because it may wait for that.
 */
class resumer {
public:
  static void run(suspended &first) noexcept {
    resumer here;
    resumer *const outer = std::exchange(innermost, &here);
    for (suspended *at = &first; at != nullptr; at = here.take()) {
      const std::coroutine_handle<> coroutine = at->coroutine;
      here.running_ = coroutine.address();
      coroutine.resume();
    }
    innermost = outer;
  }

  /* Completes the future of a coroutine that has ended. */
  template <class Complete>
  static void end(const void *coroutine, const cf_future *its, Complete &&complete) noexcept {
    resumer *const here = innermost;
    const bool resumed_here = here != nullptr && here->running_ == coroutine;
    if (resumed_here) here->ending_ = its;
    complete();
    if (resumed_here) here->ending_ = nullptr;
  }

  /* A future is done, and this coroutine has waited for it. */
  static void go_on(const cf_future *done, suspended &waiting) noexcept {
    if (innermost != nullptr && innermost->ending_ == done)
      innermost->put(waiting);
    else
      run(waiting);
  }

private:
  void put(suspended &waiting) noexcept {
    *last_ = &waiting;
    last_ = &waiting.next;
  }
  suspended *take() noexcept {
    suspended *const taken = first_;
    if (taken != nullptr) first_ = taken->next;
    if (first_ == nullptr) last_ = &first_;
    return taken;
  }

  inline static thread_local resumer *innermost = nullptr;
  suspended *first_ = nullptr, **last_ = &first_;
  const void *running_ = nullptr;
  const cf_future *ending_ = nullptr;
};

/* What co_await waits with. Future is a reference: an rvalue gives its result away. */
template <class Future, bool AsResult> class awaiter {
public:
  explicit awaiter(Future &&f) noexcept : future_(std::forward<Future>(f)) {}

  bool await_ready() const noexcept { return future_.done(); }

  bool await_suspend(std::coroutine_handle<> self) noexcept {
    waiting_.coroutine = self;
    const auto done = [](cf_future *raw, void *here) noexcept {
      auto &me = *static_cast<awaiter *>(here);
      if (me.second()) resumer::go_on(raw, me.waiting_);
    };
    if (cf_future_add_done_callback(future_.c_future(), done, this, nullptr) != CF_OK)
      return false; // await_resume says why
    return !second();
  }

  decltype(auto) await_resume() const {
    if constexpr (AsResult)
      return std::forward<Future>(future_).result();
    else
      return std::forward<Future>(future_).get();
  }

private:
  /* Called by await_suspend at its end and by the callback, which may come at any time: who comes
   * second lets the coroutine go on; after that this object may be gone. */
  bool second() noexcept {
    // Acquire and release: what the first did comes before the coroutine goes on.
    return came_.exchange(true, std::memory_order_acq_rel);
  }

  Future &&future_;
  suspended waiting_;
  std::atomic<bool> came_{ false };
};

template <class T> struct coroutine_promise;

/* The end of a coroutine. */
struct coroutine_end {
  bool await_ready() const noexcept { return false; }
  template <class T>
  void await_suspend(std::coroutine_handle<coroutine_promise<T>> self) const noexcept {
    const coroutine_result<T> outcome = std::move(self.promise());
    const void *const coroutine = self.address();
    self.destroy();
    resumer::end(coroutine, outcome.answer.get_future().c_future(), [&] { outcome.tell(); });
  }
  void await_resume() const noexcept {}
};

/* What a coroutine gives: a value, which its future keeps already, or why there is none. */
template <class T> struct coroutine_outcome {
  promise<T> answer;
  std::exception_ptr exception;
  std::optional<error> why;

  void tell() const noexcept {
#if CFUTURES_EXCEPTIONS
    if (exception != nullptr) return (void)answer.set_exception(exception);
#endif
    if (why) return (void)answer.set_exception(*why);
    if (answer.claim()) answer.publish();
  }
};

/* The part of a coroutine's promise that depends on whether it returns a value. */
template <class T> struct coroutine_result : coroutine_outcome<T> {
  template <class U = T> void return_value(U &&value) {
    if constexpr (std::is_same_v<std::decay_t<U>, error>)
      this->why = std::forward<U>(value);
    else if constexpr (!is_result<std::decay_t<U>> || std::is_same_v<std::decay_t<U>, T>)
      this->answer.keep(std::forward<U>(value));
    else if (value)
      this->answer.keep(*std::forward<U>(value));
    else
      this->why = value.error();
  }
};
template <> struct coroutine_result<void> : coroutine_outcome<void> {
  void return_void() { answer.keep(); }
};

template <class T> struct coroutine_promise : coroutine_result<T> {
  future<T> get_return_object() const noexcept { return this->answer.get_future(); }
  std::suspend_never initial_suspend() const noexcept { return {}; }
  coroutine_end final_suspend() const noexcept { return {}; }
  void unhandled_exception() noexcept { this->exception = std::current_exception(); }
};

} // namespace detail

/**
 * Waits for a future in a coroutine; gives or throws what get() does.
 *
 * The coroutine goes on on the thread that completes the future, or at once if it is done. One that
 * waits for a future that never ends is never freed.
 *
 * @code{.cpp}
 * cf::future<std::size_t> total(cf::thread_pool &pool, std::string a, std::string b) {
 *   auto first = pool.submit(load, a), second = pool.submit(load, b);
 *   co_return (co_await first).size() + (co_await second).size();
 * }
 * @endcode
 */
template <class T>
detail::awaiter<const future<T> &, false> operator co_await(const future<T> &f) noexcept {
  return detail::awaiter<const future<T> &, false>(f);
}
/** The same; the result is taken out. */
template <class T> detail::awaiter<future<T>, false> operator co_await(future<T> &&f) noexcept {
  return detail::awaiter<future<T>, false>(std::move(f));
}

/**
 * Waits for a future in a coroutine without exceptions: gives what result() does.
 *
 * @code{.cpp}
 * cf::result<std::string> text = co_await cf::as_result(pool.submit(load, "a.txt"));
 * if (!text) co_return text.error();
 * @endcode
 */
template <class T> detail::awaiter<const future<T> &, true> as_result(const future<T> &f) noexcept {
  return detail::awaiter<const future<T> &, true>(f);
}
/** The same; the result is taken out. */
template <class T> detail::awaiter<future<T>, true> as_result(future<T> &&f) noexcept {
  return detail::awaiter<future<T>, true>(std::move(f));
}

CFUTURES_END

/**
 * A coroutine may return a cf::future<T>: it runs at once, and up to its end if it never waits.
 *
 * What it lets out the future's get() throws; it may also co_return a cf::error or a cf::result<T>.
 */
template <class T, class... Args> struct std::coroutine_traits<cf::future<T>, Args...> {
  /** Made by the compiler for each call of such a coroutine. */
  using promise_type = cf::detail::coroutine_promise<T>;
};

#else
#define CFUTURES_COROUTINES 0
#endif

#endif
