/**
 * @file cfutures/wait.hpp
 * cf::wait() and cf::as_completed(): many futures at once, of one type or as cf::any_future.
 *
 * Used by programs. Always true: what waits has handles of its own, so the caller's may go.
 */
#ifndef CFUTURES_WAIT_HPP
#define CFUTURES_WAIT_HPP

#include <cfutures/future.hpp>

#include <iterator>
#include <memory>
#include <vector>

CFUTURES_BEGIN

/**
 * What cf::wait() has found: positions in the range that it was given.
 *
 * Python: the named tuple that `wait` returns.
 */
struct waited {
  /** Those that are done, in the order of the range. */
  std::vector<std::size_t> done;
  /** The others. */
  std::vector<std::size_t> not_done;
  /** The time was over before what was waited for had come about. */
  bool timed_out = false;
};

namespace detail {

template <class Range>
using future_in = std::decay_t<decltype(*std::begin(std::declval<Range &>()))>;

template <class Range> constexpr void check_futures() {
  static_assert(std::is_base_of_v<any_future, future_in<Range>>,
                "cf: this needs a range of cf::future<T>, or of cf::any_future for several types");
}

template <class Range> std::vector<cf_future *> raw_futures(Range &futures) {
  std::vector<cf_future *> raw;
  for (const any_future &f : futures) raw.push_back(f.c_future());
  return raw;
}

} // namespace detail

/** cf::wait() without exceptions. */
template <class Range>
result<waited> try_wait(Range &&futures, timeout limit = forever,
                        cf_return_when when = CF_ALL_COMPLETED) {
  detail::check_futures<Range>();
  const std::vector<cf_future *> raw = detail::raw_futures(futures);
  const std::unique_ptr<bool[]> done(new bool[raw.size() + 1]());
  const cf_status status =
      cf_wait(raw.data(), raw.size(), limit.nanoseconds(), when, done.get(), nullptr);
  if (status != CF_OK && status != CF_TIMEOUT) return error(status);
  waited found;
  found.timed_out = status == CF_TIMEOUT;
  for (std::size_t i = 0; i < raw.size(); i++) (done[i] ? found.done : found.not_done).push_back(i);
  return found;
}

/**
 * Waits until some or all of many futures are done.
 *
 * Throws cf::error, but not when the time is over.
 *
 * Python: `concurrent.futures.wait(fs, timeout, return_when)`.
 *
 * @code{.cpp}
 * cf::waited found = cf::wait(futures, 2s, CF_FIRST_COMPLETED);
 * for (std::size_t i : found.done) std::printf("%d\n", futures[i].get());
 * @endcode
 */
template <class Range>
waited wait(Range &&futures, timeout limit = forever, cf_return_when when = CF_ALL_COMPLETED) {
  return try_wait(futures, limit, when).value();
}

/**
 * Futures in the order in which they are done: a range that can be walked through once.
 *
 * Made by cf::as_completed().
 */
template <class Future> class completions {
public:
  /**
   * Waits for the next future that is done.
   *
   * An error with CF_END says that there is none left, with CF_TIMEOUT that the time is over, and
   * others why it cannot be waited for.
   */
  result<Future> next() {
    const cf_status status = step();
    if (status != CF_OK) return error(status);
    return futures_[index_];
  }
  /** The position, in what cf::as_completed() was given, of the future that came last. */
  std::size_t index() const noexcept { return index_; }

  /** Waits at each step; one at a time walks through. */
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Future;
    using difference_type = std::ptrdiff_t;
    using reference = Future &;
    using pointer = Future *;

    iterator() = default;
    explicit iterator(completions *of) : of_(of) { ++*this; }
    reference operator*() const { return of_->futures_[of_->index_]; }
    pointer operator->() const { return std::addressof(**this); }
    iterator &operator++() {
      const cf_status status = of_->step();
      if (status == CF_END)
        of_ = nullptr;
      else
        detail::check(status);
      return *this;
    }
    void operator++(int) { ++*this; }
    /** Its position in what cf::as_completed() was given. */
    std::size_t index() const noexcept { return of_->index_; }
    friend bool operator==(iterator a, iterator b) noexcept { return a.of_ == b.of_; }
    friend bool operator!=(iterator a, iterator b) noexcept { return a.of_ != b.of_; }

  private:
    completions *of_ = nullptr;
  };
  /** Waits for the first one. */
  iterator begin() { return iterator(this); }
  /** Behind the last one. */
  iterator end() { return iterator(); }

  /* For cf::as_completed(). */
  completions(std::vector<Future> futures, timeout limit) : futures_(std::move(futures)) {
    cf_completions *made = nullptr;
    const auto raw = detail::raw_futures(futures_);
    made_ = cf_as_completed(raw.data(), raw.size(), limit.nanoseconds(), &made);
    raw_.reset(made);
  }

private:
  cf_status step() noexcept {
    return made_ == CF_OK ? cf_completions_next(raw_.get(), &index_, nullptr) : made_;
  }

  struct free_completions {
    void operator()(cf_completions *raw) const noexcept { cf_completions_free(raw); }
  };
  std::vector<Future> futures_;
  std::unique_ptr<cf_completions, free_completions> raw_;
  cf_status made_;
  std::size_t index_ = 0;
};

/**
 * Gives futures in the order in which they are done, for a range-based for.
 *
 * A future that stands in the range more than once comes once. The loop throws cf::error with
 * CF_TIMEOUT when the time for all of them is over.
 *
 * Python: `concurrent.futures.as_completed(fs, timeout)`.
 *
 * @code{.cpp}
 * std::unordered_map<cf::future<page>, std::string> urls;
 * for (auto &f : cf::as_completed(futures))
 *   std::printf("%s: %zu bytes\n", urls[f].c_str(), f.get().size());
 * @endcode
 */
template <class Range>
completions<detail::future_in<Range>> as_completed(Range &&futures, timeout limit = forever) {
  detail::check_futures<Range>();
  std::vector<detail::future_in<Range>> all;
  for (auto &&f : futures) all.push_back(f);
  return { std::move(all), limit };
}

CFUTURES_END

#endif
