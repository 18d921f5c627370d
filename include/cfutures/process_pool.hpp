/**
 * @file cfutures/process_pool.hpp
 * cf::process_pool: functions with values that can travel, run by worker processes; and memory that
 * is shared with them.
 *
 * What it costs beside C: nothing when all values are plain bytes; else what their codecs do, and
 * one block of memory for the result.
 */
#ifndef CFUTURES_PROCESS_POOL_HPP
#define CFUTURES_PROCESS_POOL_HPP

#include <cfutures/far_map.hpp>
#include <cfutures/shared.hpp>

CFUTURES_BEGIN

/**
 * Options of a process pool.
 *
 * @code{.cpp}
 * cf::process_pool pool(cf::process_options().max_workers(2).start_method(CF_START_SPAWN));
 * @endcode
 */
class process_options : public basic_options<process_options> {
public:
  /**
   * A function that each worker calls once, before its first task. What holds for the tasks of a
   * cf::process_pool holds for it. When it throws, the pool is broken.
   */
  template <class F, class... Args>
  CFUTURES_LOCAL process_options &initializer(F &&f, Args &&...args) {
    using function = detail::far_callable<F>;
    using list = detail::sent_types<function, Args...>;
    using call = detail::far_call<function, list>;
    if constexpr (detail::far_fits<function, Args...>(list())) {
      const auto use = [this](const void *data, std::size_t size) {
        set_initializer(call::run, data, size);
        return result<void>();
      };
      failed(call::with_bytes(use, f, std::forward<Args>(args)...));
    }
    return *this;
  }
  /** How workers come to life. */
  process_options &start_method(cf_start_method method) { return set(start_method_, method); }
  /** The program that spawned workers run; see cf_options_set_worker_program(). */
  process_options &worker_program(std::string path) { return set(program_, std::move(path)); }
  /** After how many tasks a worker is replaced. */
  process_options &max_tasks_per_child(std::size_t n) { return set(max_tasks_, n); }
  /** What happens when a worker dies. */
  process_options &on_worker_death(cf_on_worker_death policy) { return set(policy_, policy); }
  /** How much memory the pool may share; see cf_options_set_shared_memory_limit(). */
  process_options &shared_memory_limit(std::size_t bytes) { return set(shared_limit_, bytes); }
  /** How much memory each worker may have; see cf_options_set_worker_memory_limit(). */
  process_options &worker_memory_limit(std::size_t bytes) { return set(worker_limit_, bytes); }

private:
  friend class process_pool;
  result<cf_executor *> make_executor() const {
    return make(
        [this](cf_status &status, cf_options *options) {
          apply_common(status, options);
          apply(status, options, cf_options_set_start_method, start_method_);
          apply(status, options, cf_options_set_worker_program, program_);
          apply(status, options, cf_options_set_max_tasks_per_child, max_tasks_);
          apply(status, options, cf_options_set_on_worker_death, policy_);
          apply(status, options, cf_options_set_shared_memory_limit, shared_limit_);
          apply(status, options, cf_options_set_worker_memory_limit, worker_limit_);
        },
        cf_process_pool_new_with);
  }

  std::optional<cf_start_method> start_method_;
  std::optional<cf_on_worker_death> policy_;
  std::optional<std::string> program_;
  std::optional<std::size_t> max_tasks_, shared_limit_, worker_limit_;
};

/**
 * A pool of worker processes: for code that may crash, leaks, is not thread-safe or has to be killed.
 *
 * Python: `ProcessPoolExecutor`.
 *
 * @code{.cpp}
 * int main() {
 *   cf::worker_main();
 *   cf::process_pool pool(4);
 *   auto f = pool.submit([](std::string path) { return decode(path); }, "photo.jpg");
 *   if (auto r = f.result(); !r && r.status() == CF_WORKER_DIED)
 *     std::printf("decoding was killed by signal %d\n", r.error().signal());
 * }
 * @endcode
 */
class process_pool : public executor {
public:
  /** 0: as many as there are processors; see cf_process_pool_new(). Throws cf::error. */
  explicit process_pool(std::size_t max_workers = 0)
      : process_pool(max_workers != 0 ? process_options().max_workers(max_workers)
                                      : process_options()) {}
  /** With options. Throws cf::error: also for an option that cannot be. */
  explicit process_pool(const process_options &options)
      : executor(options.make_executor().value()) {}

  /** The same without exceptions. */
  static result<process_pool> make(const process_options &options = {}) {
    auto made = options.make_executor();
    if (!made) return made.error();
    return adopt(*made);
  }
  /** Takes an executor of the C interface over. */
  static process_pool adopt(cf_executor *raw) noexcept { return process_pool(raw, 0); }

  /**
   * Submits a call of a function, or of a lambda without captures, with values that can travel.
   *
   * A value travels if its type is trivially copyable or has a cf::codec. The arguments become
   * values of the types of the parameters, so "text" may be given for a std::string; of a generic
   * function they keep their own. The function must lie in the program or the shared library that
   * contains the call. A struct with a pointer in it is copied as it is: the pointer leads nowhere.
   *
   * What the task throws, get() throws as a cf::error with the status CF_TASK_FAILED and the
   * exception's what(); a worker's death with CF_WORKER_DIED. If the task returns cf::result<T>,
   * the future is one of T. Throws cf::error when the task is not accepted.
   *
   * Python: `Executor.submit(fn, *args)`.
   *
   * @code{.cpp}
   * cf::future<std::vector<double>> roots = pool.submit(solve, std::vector<double>{ 1, 0, -2 });
   * @endcode
   */
  template <class F, class... Args> CFUTURES_LOCAL auto submit(F &&f, Args &&...args) {
    return try_submit(std::forward<F>(f), std::forward<Args>(args)...).value();
  }
  /** The same without exceptions: a future, or why the task was not accepted. */
  template <class F, class... Args> CFUTURES_LOCAL auto try_submit(F &&f, Args &&...args) {
    using function = detail::far_callable<F>;
    using list = detail::sent_types<function, Args...>;
    using call = detail::far_call<function, list>;
    if constexpr (detail::far_fits<function, Args...>(list()))
      return call::submit(raw_, f, std::forward<Args>(args)...);
    else
      return result<future<void>>(error(CF_INVALID_ARGUMENT));
  }

  /**
   * Calls a function for every item of one range or several, in parallel.
   *
   * The results come in the order of the input; see cf::thread_pool::map(). The death of a worker
   * fails the one item that it was running.
   *
   * Python: `Executor.map(fn, *iterables)`.
   *
   * @code{.cpp}
   * std::vector<std::uint64_t> numbers = { 112272535095293, 1099726899285419 };
   * for (bool prime : pool.map(is_prime, numbers)) std::puts(prime ? "True" : "False");
   * @endcode
   */
  template <class F, class... Ranges, class = detail::if_function<F>>
  CFUTURES_LOCAL auto map(F &&f, Ranges &&...ranges) {
    return map(map_options(), std::forward<F>(f), std::forward<Ranges>(ranges)...);
  }
  /** With a time limit for the whole map, or a size of chunks. */
  template <class F, class... Ranges>
  CFUTURES_LOCAL auto map(const map_options &options, F &&f, Ranges &&...ranges) {
    return try_map(options, std::forward<F>(f), std::forward<Ranges>(ranges)...).value();
  }
  /** The same without exceptions. */
  template <class F, class... Ranges>
  CFUTURES_LOCAL auto try_map(const map_options &options, F &&f, Ranges &&...ranges) {
    using function = detail::far_callable<F>;
    using list = detail::sent_types<function, detail::item_of<Ranges>...>;
    if constexpr (detail::far_fits<function, detail::item_of<Ranges>...>(list()))
      return detail::far_map<function>(list(), raw_, options, f, std::forward<Ranges>(ranges)...);
    else
      return result<mapped<void, detail::futures_source<void>>>(error(CF_INVALID_ARGUMENT));
  }

  /** Ends the pool at once, with SIGTERM for its workers; see cf_executor_terminate_workers(). */
  void terminate_workers() { detail::check(cf_executor_terminate_workers(raw_)); }
  /** Ends the pool at once, with SIGKILL for its workers. */
  void kill_workers() { detail::check(cf_executor_kill_workers(raw_)); }

  /**
   * Items in memory that all workers see at the same address; the first value of each is T().
   *
   * @code{.cpp}
   * auto pixels = pool.shared_alloc<float>(1 << 20);
   * pool.submit([](cf::shared_span<float> all) { for (float &p : all) p = 1; }, pixels.span()).get();
   * @endcode
   */
  template <class T> shared_array<T> shared_alloc(std::size_t count) {
    return try_shared_alloc<T>(count).value();
  }
  /** The same without exceptions. */
  template <class T> result<shared_array<T>> try_shared_alloc(std::size_t count) {
    return shared_array<T>::make(raw_, count);
  }

private:
  process_pool(cf_executor *raw, int) noexcept : executor(raw) {}
};

CFUTURES_END

#endif
