/**
 * @file cfutures/thread_pool.hpp
 * cf::thread_pool: any callable with any arguments, run by threads.
 *
 * What it costs beside C: a task that cannot throw, of a callable, arguments and a result that are
 * plain bytes, some twenty instructions and no call; any other one block of memory for all of them,
 * which takes the place of the argument that a C program would allocate, and one indirect call that
 * frees it. benches/instructions counts both.
 */
#ifndef CFUTURES_THREAD_POOL_HPP
#define CFUTURES_THREAD_POOL_HPP

#include <cfutures/map.hpp>

CFUTURES_BEGIN

/**
 * Options of a thread pool.
 *
 * @code{.cpp}
 * cf::thread_pool pool(cf::thread_options().max_workers(2).stack_size(64 << 20));
 * @endcode
 */
class thread_options : public basic_options<thread_options> {
public:
  /**
   * A function that each worker calls once, before its first task, with arguments of its own.
   *
   * The pool keeps the bytes of both, so both must be trivially copyable: capture what the function
   * needs by reference. When it throws, the pool is broken.
   *
   * @code{.cpp}
   * std::atomic<int> started{ 0 };
   * cf::thread_pool pool(cf::thread_options().initializer([&started] { ++started; }));
   * @endcode
   */
  template <class F, class... Args> thread_options &initializer(F &&f, Args &&...args) {
    using parts = detail::pack<std::decay_t<F>, std::decay_t<Args>...>;
    static_assert(detail::callable<std::decay_t<F>, std::decay_t<Args>...>,
                  "cf::thread_options::initializer: the function cannot be called with these "
                  "arguments");
    static_assert(detail::bytes_only<parts>,
                  "cf::thread_options::initializer: the function and its arguments must be "
                  "trivially copyable; capture what it needs by reference");
    const parts bytes{ { std::forward<F>(f) }, { std::forward<Args>(args) }... };
    return set_initializer(detail::plain_call<void, parts>::run, &bytes, sizeof bytes);
  }
  /** The size of each worker's stack; see cf_options_set_stack_size(). */
  thread_options &stack_size(std::size_t bytes) { return set(stack_size_, bytes); }
  /** How many spare workers may stand in for tasks that wait; see cf_options_set_max_spares(). */
  thread_options &max_spares(std::size_t n) { return set(max_spares_, n); }
  /** Whether a task that waits may run what it waits for; see cf_options_set_inline_wait(). */
  thread_options &inline_wait(bool on) { return set(inline_wait_, on); }

private:
  friend class thread_pool;
  result<cf_executor *> make_executor() const {
    return make(
        [this](cf_status &status, cf_options *options) {
          apply_common(status, options);
          apply(status, options, cf_options_set_stack_size, stack_size_);
          apply(status, options, cf_options_set_max_spares, max_spares_);
          apply(status, options, cf_options_set_inline_wait, inline_wait_);
        },
        cf_thread_pool_new_with);
  }

  std::optional<std::size_t> stack_size_, max_spares_;
  std::optional<bool> inline_wait_;
};

/**
 * A pool of threads.
 *
 * Python: `ThreadPoolExecutor`.
 *
 * @code{.cpp}
 * cf::thread_pool pool;
 * cf::future<int> answer = pool.submit([](int a, int b) { return a * b; }, 6, 7);
 * std::printf("%d\n", answer.get());
 * @endcode
 */
class thread_pool : public executor {
public:
  /** 0: the library chooses the number; see cf_thread_pool_new(). Throws cf::error. */
  explicit thread_pool(std::size_t max_workers = 0)
      : thread_pool(max_workers != 0 ? thread_options().max_workers(max_workers)
                                     : thread_options()) {}
  /** With options. Throws cf::error: also for an option that cannot be. */
  explicit thread_pool(const thread_options &options) : executor(options.make_executor().value()) {}

  /** The same without exceptions. */
  static result<thread_pool> make(const thread_options &options = {}) {
    auto made = options.make_executor();
    if (!made) return made.error();
    return adopt(*made);
  }
  /** Takes an executor of the C interface over. */
  static thread_pool adopt(cf_executor *raw) noexcept { return thread_pool(raw, 0); }

  /**
   * Submits a call of any callable with any arguments.
   *
   * Both are copied or moved into the task and given to the callable as rvalues: std::ref() passes a
   * reference. A first parameter `cf::task &` is the running call. They end before the future is
   * done, also when the task never runs. What the callable throws, get() throws again; if it
   * returns cf::result<T>, the future is one of T.
   *
   * Throws cf::error when the task is not accepted. The future may be dropped.
   *
   * Python: `Executor.submit(fn, *args)`.
   *
   * @code{.cpp}
   * auto page = std::make_unique<buffer>();
   * auto f = pool.submit([](std::unique_ptr<buffer> b) { return b->size(); }, std::move(page));
   * @endcode
   */
  template <class F, class... Args> auto submit(F &&f, Args &&...args) {
    const auto made = detail::submit(raw_, std::forward<F>(f), std::forward<Args>(args)...);
    if (made.status != CF_OK) detail::raise_refusal(made.status, raw_);
    return made.take();
  }
  /** The same without exceptions: a future, or why the task was not accepted. */
  template <class F, class... Args> auto try_submit(F &&f, Args &&...args) {
    const auto made = detail::submit(raw_, std::forward<F>(f), std::forward<Args>(args)...);
    using answer = result<decltype(made.take())>;
    return made.status == CF_OK ? answer(made.take()) : answer(detail::refusal(made.status, raw_));
  }

  /**
   * Calls a function for every item of one range or several, in parallel.
   *
   * The items are copied, of an rvalue range moved, before the call returns; the shortest range ends
   * it. What comes back is a range of the results in the order of the input, which waits for each;
   * its get() waits for all and gives a std::vector. The function is shared by all calls.
   *
   * Python: `Executor.map(fn, *iterables)`.
   *
   * @code{.cpp}
   * for (double root : pool.map([](int n) { return std::sqrt(n); }, numbers)) total += root;
   * std::vector<int> sums = pool.map(std::plus<>(), xs, ys).get();
   * @endcode
   */
  template <class F, class... Ranges, class = detail::if_function<F>>
  auto map(F &&f, Ranges &&...ranges) {
    return map(map_options(), std::forward<F>(f), std::forward<Ranges>(ranges)...);
  }
  /** With a time limit for the whole map, or a size of chunks. */
  template <class F, class... Ranges>
  auto map(const map_options &options, F &&f, Ranges &&...ranges) {
    return try_map(options, std::forward<F>(f), std::forward<Ranges>(ranges)...).value();
  }
  /** The same without exceptions. */
  template <class F, class... Ranges>
  auto try_map(const map_options &options, F &&f, Ranges &&...ranges) {
    return detail::thread_map(raw_, options, std::forward<F>(f), std::forward<Ranges>(ranges)...);
  }

  /**
   * Runs a loop body over the indices from begin up to, but not including, end, in parallel.
   *
   * The body gets one index, or the first and the end of a piece. It returns when all is done, and
   * the caller takes part in the work. Of several exceptions that with the lowest index is thrown.
   *
   * @code{.cpp}
   * pool.for_range(0, pixels.size(), [&](std::size_t i) { pixels[i] = shade(i); });
   * @endcode
   */
  template <class F>
  void for_range(std::size_t begin, std::size_t end, F &&body, std::size_t grain = 0) {
    try_for_range(begin, end, body, grain).value();
  }
  /** The same without exceptions. */
  template <class F>
  result<void> try_for_range(std::size_t begin, std::size_t end, F &&body, std::size_t grain = 0) {
    return detail::for_range(raw_, begin, end, body, grain);
  }

private:
  thread_pool(cf_executor *raw, int) noexcept : executor(raw) {}
};

CFUTURES_END

#endif
