/**
 * @file cfutures/executor.hpp
 * What pools of threads and of processes have in common: the owner of the C executor, and options.
 *
 * Used by thread_pool.hpp and process_pool.hpp. Always true: an owner that is not empty frees its
 * executor exactly once.
 */
#ifndef CFUTURES_EXECUTOR_HPP
#define CFUTURES_EXECUTOR_HPP

#include <cfutures/future.hpp>

#include <string>
#include <vector>

CFUTURES_BEGIN

/**
 * Owns an executor: the end of its scope is the end of Python's `with` block.
 *
 * The destructor lets all tasks end and waits for them; see cf_executor_free().
 *
 * @code{.cpp}
 * {
 *   cf::thread_pool pool(4);
 *   for (const auto &url : urls) pool.submit(fetch, url);
 * } // all are fetched
 * @endcode
 */
class executor {
public:
  /** The other one is empty then. */
  executor(executor &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  /** Ends the executor that there is, as the destructor does. */
  executor &operator=(executor &&other) noexcept {
    if (this != &other) cf_executor_free(std::exchange(raw_, std::exchange(other.raw_, nullptr)));
    return *this;
  }
  /** Lets all tasks end and waits for them. */
  ~executor() { cf_executor_free(raw_); }

  /** How many tasks may run at the same time. */
  std::size_t max_workers() const noexcept { return cf_executor_max_workers(raw_); }

  /** Ends the executor; see cf_executor_shutdown(). Throws cf::error for CF_DEADLOCK. */
  void shutdown(bool wait = true, bool cancel_futures = false) {
    detail::check(cf_executor_shutdown(raw_, wait, cancel_futures));
  }
  /** Waits for the end of an executor that was shut down. False: not in time. */
  bool join(timeout limit = forever) {
    const cf_status status = cf_executor_join(raw_, limit.nanoseconds());
    if (status != CF_TIMEOUT) detail::check(status);
    return status == CF_OK;
  }
  /** Gives the executor up without waiting; what it has still runs. The owner is empty then. */
  void detach() noexcept { cf_executor_detach(release()); }

  /** Why the executor is broken; nothing when it is not. */
  std::optional<cf::error> broken() const {
    const cf_error *why = cf_executor_error(raw_);
    if (why == nullptr) return std::nullopt;
    return cf::error(why);
  }

  /** The handle of the C interface, borrowed. */
  cf_executor *c_executor() const noexcept { return raw_; }
  /** The same, now the caller's own: for cf_executor_free(). */
  cf_executor *release() noexcept { return std::exchange(raw_, nullptr); }

protected:
  explicit executor(cf_executor *raw) noexcept : raw_(raw) {}

  cf_executor *raw_;
};

/**
 * The options that both kinds of pools have. Made as cf::thread_options or cf::process_options.
 *
 * What cannot be set, such as 0 workers, is reported when a pool is made.
 *
 * @code{.cpp}
 * cf::thread_pool pool(cf::thread_options().max_workers(4).name("decode"));
 * @endcode
 */
template <class Self> class basic_options {
public:
  /** How many tasks may run at the same time. Python: `max_workers`. */
  Self &max_workers(std::size_t n) { return set(max_workers_, n); }
  /** Workers are called "<prefix>_0" and so on. Python: `thread_name_prefix`. */
  Self &name(std::string prefix) { return set(name_, std::move(prefix)); }

protected:
  template <class T, class U> Self &set(std::optional<T> &option, U &&value) {
    option.emplace(std::forward<U>(value));
    return static_cast<Self &>(*this);
  }
  Self &set_initializer(cf_task_fn function, const void *arg, std::size_t size) {
    const auto *bytes = static_cast<const unsigned char *>(arg);
    initializer_ = function;
    initializer_arg_.assign(bytes, bytes + size);
    return static_cast<Self &>(*this);
  }

  /* Calls a setter if its option is set and nothing has failed. */
  template <class T, class Value>
  static void apply(cf_status &status, cf_options *options,
                    cf_status (*setter)(cf_options *, Value), const std::optional<T> &option) {
    if (!option || status != CF_OK) return;
    if constexpr (std::is_same_v<T, std::string>)
      status = setter(options, option->c_str());
    else
      status = setter(options, static_cast<Value>(*option));
  }

  void apply_common(cf_status &status, cf_options *options) const {
    apply(status, options, cf_options_set_max_workers, max_workers_);
    apply(status, options, cf_options_set_name, name_);
    if (initializer_ != nullptr && status == CF_OK)
      status = cf_options_set_initializer(options, initializer_, initializer_arg_.data(),
                                          initializer_arg_.size());
  }

  /* What could not be set is reported by `make`. */
  void failed(const result<void> &outcome) {
    if (!outcome) failure_ = outcome.error();
  }

  /* Makes an executor with what `apply_all` sets. */
  template <class Apply, class New>
  result<cf_executor *> make(Apply &&apply_all, New *make_new) const {
    if (failure_) return *failure_;
    cf_options *options = nullptr;
    cf_status status = cf_options_new(&options);
    if (status == CF_OK) apply_all(status, options);
    cf_executor *raw = nullptr;
    cf_error *why = nullptr;
    if (status == CF_OK) status = make_new(options, &raw, &why);
    cf_options_free(options);
    if (status != CF_OK) return detail::take_error(status, why);
    return raw;
  }

private:
  std::optional<std::size_t> max_workers_;
  std::optional<std::string> name_;
  std::optional<cf::error> failure_;
  cf_task_fn initializer_ = nullptr;
  std::vector<unsigned char> initializer_arg_;
};

CFUTURES_END

#endif
