/**
 * @file cfutures/map.hpp
 * Maps over ranges in threads, and loops over indices.
 *
 * Called by thread_pool.hpp; process_pool.hpp uses cf::mapped and cf::map_options too. Always true:
 * what a map's tasks touch lives until the last of them has ended, whoever drops the map before.
 */
#ifndef CFUTURES_MAP_HPP
#define CFUTURES_MAP_HPP

#include <cfutures/executor.hpp>
#include <cfutures/submit.hpp>

#include <algorithm>
#include <iterator>

CFUTURES_BEGIN

/**
 * Options of one map.
 *
 * @code{.cpp}
 * cf::map_options patient;
 * patient.limit = 10s;
 * auto pages = pool.map(patient, load, urls).get();
 * @endcode
 */
struct map_options {
  /** Time for the whole map, from the call that makes it. Python: `timeout`. */
  timeout limit = forever;
  /** Items that one task takes; 0: chosen by the library. Python: `chunksize`. */
  std::size_t chunk_size = 0;
};

/**
 * The results of a map, in the order of the input: a range that can be walked through once.
 *
 * An item that failed throws where its result is asked for; one can go on behind it. Dropping the
 * range cancels what has not started.
 *
 * Python: what `Executor.map` returns.
 *
 * @code{.cpp}
 * auto roots = pool.map(root, numbers);
 * while (auto item = roots.next())
 *   if (!*item) std::printf("item %zu: %s\n", item->error().index(), item->error().what());
 * @endcode
 */
template <class T, class Source> class mapped {
public:
  /** What the function gives. */
  using value_type = T;

  explicit mapped(Source source) : source_(std::move(source)) {}

  /**
   * Waits for the next outcome. Nothing: there are no more.
   *
   * CF_TIMEOUT comes once, when the map's time is over; what has not started is cancelled then, and
   * nothing comes after it.
   */
  std::optional<result<T>> next() { return source_.next(); }

  /** Waits for all that is left. Throws what the first failed item says. */
  auto get() {
    if constexpr (std::is_void_v<T>) {
      while (auto item = next()) std::move(*item).value();
    } else {
      std::vector<std::conditional_t<std::is_reference_v<T>,
                                     std::reference_wrapper<std::remove_reference_t<T>>, T>>
          all;
      all.reserve(source_.size());
      while (auto item = next()) all.push_back(std::move(*item).value());
      return all;
    }
  }

  /** Waits at each step; one at a time walks through. */
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::remove_cv_t<std::remove_reference_t<T>>;
    using difference_type = std::ptrdiff_t;
    using reference = std::add_lvalue_reference_t<T>;
    using pointer = std::add_pointer_t<T>;

    iterator() = default;
    explicit iterator(mapped *of) : of_(of) { ++*this; }
    reference operator*() const { return of_->current_->value(); }
    pointer operator->() const { return std::addressof(**this); }
    iterator &operator++() {
      of_->current_ = of_->next();
      if (!of_->current_) of_ = nullptr;
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(iterator a, iterator b) noexcept { return a.of_ == b.of_; }
    friend bool operator!=(iterator a, iterator b) noexcept { return a.of_ != b.of_; }

  private:
    mapped *of_ = nullptr;
  };
  /** Waits for the first result. */
  iterator begin() { return iterator(this); }
  /** Behind the last result. */
  iterator end() { return iterator(); }

private:
  Source source_;
  std::optional<result<T>> current_;
};

namespace detail {

template <class F>
using if_function = std::enable_if_t<!std::is_same_v<std::decay_t<F>, map_options>>;

/* A time limit that began when this was made. */
class deadline {
public:
  explicit deadline(timeout limit) : limit_(limit), begin_(std::chrono::steady_clock::now()) {}
  timeout left() const noexcept {
    if (limit_.nanoseconds() == CF_FOREVER) return forever;
    return std::chrono::nanoseconds(limit_.nanoseconds()) -
           (std::chrono::steady_clock::now() - begin_);
  }

private:
  timeout limit_;
  std::chrono::steady_clock::time_point begin_;
};

/* The items and results of a map in threads, shared by its chunks and its range. */
template <class F, class V, class Items> struct map_cells {
  struct cell {
    std::optional<Items> in;
    std::optional<stored<V>> out;
    std::unique_ptr<error> why;
  };
  const F function;
  std::vector<cell> cells;

  void run(cf_task *raw, std::size_t begin, std::size_t end) noexcept {
    for (std::size_t i = begin; i < end; i++) run_one(raw, cells[i], i);
  }

  void run_one(cf_task *raw, cell &c, std::size_t i) noexcept {
    detail::guarded_answer<V>(
        [&]() -> decltype(auto) {
          return c.in->apply([&](auto &&...items) -> decltype(auto) {
            return detail::call(raw, function, std::move(items)...);
          });
        },
        [&](auto &&value) {
          c.out.emplace(std::forward<decltype(value)>(value));
          return 0;
        },
        [&](const failure &why) {
          // Without memory for it there is neither value nor error, which says just that.
          return detail::guarded(
              [&] {
                c.why = std::make_unique<error>(why.kept().with_index(i));
                return 0;
              },
              [](const failure &) { return 0; });
        });
    c.in.reset();
  }
};

/* Where cf::mapped gets the results of threads from. */
template <class F, class V, class Items> class thread_source {
public:
  using cells = map_cells<F, V, Items>;

  thread_source(std::shared_ptr<cells> shared, std::size_t chunk, timeout limit)
      : shared_(std::move(shared)), chunk_(chunk), deadline_(limit) {}
  thread_source(thread_source &&) = default;
  thread_source &operator=(thread_source &&other) noexcept {
    std::swap(shared_, other.shared_);
    std::swap(chunks_, other.chunks_);
    std::swap(chunk_, other.chunk_);
    std::swap(next_, other.next_);
    std::swap(deadline_, other.deadline_);
    return *this;
  }
  ~thread_source() { cancel(); }

  std::size_t size() const noexcept { return shared_ != nullptr ? shared_->cells.size() : 0; }
  void add(future<void> chunk) { chunks_.push_back(std::move(chunk)); }

  std::optional<result<V>> next() {
    if (next_ >= size()) return std::nullopt;
    const std::size_t i = next_++;
    const auto &chunk = chunks_[i / chunk_];
    const cf_status status = chunk.try_wait(deadline_.left());
    if (status != CF_OK) {
      if (status == CF_TIMEOUT) cancel();
      if (status == CF_TIMEOUT) next_ = size();
      return result<V>(error(status).with_index(i));
    }
    if (auto failed = chunk.result(); !failed)
      return result<V>(error(failed.error()).with_index(i));
    auto &cell = shared_->cells[i];
    if (cell.why) return result<V>(std::move(*cell.why));
    if (!cell.out) return result<V>(error(CF_NO_MEMORY).with_index(i));
    if constexpr (std::is_void_v<V>)
      return result<V>();
    else
      return result<V>(detail::unstore<V>(std::move(*cell.out)));
  }

private:
  void cancel() noexcept {
    for (const auto &chunk : chunks_) chunk.cancel();
  }

  std::shared_ptr<cells> shared_;
  std::vector<future<void>> chunks_;
  std::size_t chunk_;
  std::size_t next_ = 0;
  deadline deadline_;
};

/* Iterators of C++20 may have no iterator_traits. */
#if defined(__cpp_lib_concepts)
template <class Iterator> using value_at = std::iter_value_t<Iterator>;
#else
template <class Iterator> using value_at = typename std::iterator_traits<Iterator>::value_type;
#endif
template <class Range>
using item_of = value_at<std::decay_t<decltype(std::begin(std::declval<Range &>()))>>;

/* Items are moved out of a range that is given away and that owns them: a container, not a view. */
template <class Range, class = void> inline constexpr bool owns_items = false;
template <class Range>
inline constexpr bool
    owns_items<Range, std::void_t<decltype(std::declval<Range &>().get_allocator())>> = true;

template <class Range, class Iterator> decltype(auto) item_at(Iterator &at) {
  if constexpr (!std::is_reference_v<Range> && owns_items<Range> &&
                std::is_lvalue_reference_v<decltype(*at)>)
    return std::move(*at);
  else
    return *at;
}

/* Calls `add` with the items of each position, until the shortest range ends. */
template <class... Ranges, std::size_t... I, class Add>
void zip(std::index_sequence<I...>, Add &&add, Ranges &&...ranges) {
  static_assert(sizeof...(Ranges) > 0, "cf: a map needs a range to map over");
  auto at = std::make_tuple(std::begin(ranges)...);
  const auto end = std::make_tuple(std::end(ranges)...);
  for (; (... && (std::get<I>(at) != std::get<I>(end))); (..., (void)++std::get<I>(at)))
    add(detail::item_at<Ranges>(std::get<I>(at))...);
}

/* A chunk for each sixteenth of a worker's share: enough to balance, few enough to cost nothing. */
inline std::size_t chunk_of(const map_options &options, std::size_t items, std::size_t workers) {
  if (options.chunk_size != 0) return options.chunk_size;
  return (std::max<std::size_t>)(1, items / (16 * (std::max<std::size_t>)(1, workers)));
}

template <class F, class... Ranges>
auto thread_map(cf_executor *pool, const map_options &options, F &&f, Ranges &&...ranges) {
  using function = std::decay_t<F>;
  constexpr bool fits = callable<const function &, item_of<Ranges>...>;
  static_assert(fits, "cf::thread_pool::map: the function cannot be called with the items of these "
                      "ranges; it is shared by all calls, so it must be callable as const");
  using V = value_of<const function &, item_of<Ranges>...>;
  using Items = pack<item_of<Ranges>...>;
  using source = thread_source<function, V, Items>;
  using answer = result<mapped<V, source>>;
  if constexpr (!fits) {
    return answer(error(CF_INVALID_ARGUMENT));
  } else {
    using cells = map_cells<function, V, Items>;
    std::shared_ptr<cells> shared(new cells{ std::forward<F>(f), {} });
    detail::zip<Ranges...>(
        std::index_sequence_for<Ranges...>(),
        [&](auto &&...items) {
          shared->cells.emplace_back();
          shared->cells.back().in.emplace(Items{ { std::forward<decltype(items)>(items) }... });
        },
        std::forward<Ranges>(ranges)...);
    const std::size_t count = shared->cells.size();
    const std::size_t chunk = chunk_of(options, count, cf_executor_max_workers(pool));
    source results(shared, chunk, options.limit);
    for (std::size_t begin = 0, end; begin < count; begin = end) {
      end = chunk < count - begin ? begin + chunk : count;
      auto submitted = detail::submit(pool, [shared, begin, end](task &running) noexcept {
        shared->run(running.c_task(), begin, end);
      });
      if (submitted.status != CF_OK)
        return answer(refusal(submitted.status, pool)); // the chunks before are cancelled
      results.add(submitted.take());
    }
    return answer(mapped<V, source>(std::move(results)));
  }
}

/* A loop's body, and the failure with the lowest index. */
template <class F> struct loop {
  F &body;
  std::mutex guard;
  std::optional<error> first;

  static std::int32_t run(cf_task *raw, std::size_t begin, std::size_t end, void *ctx) noexcept {
    auto &self = *static_cast<loop *>(ctx);
    std::int32_t code = 0;
    if constexpr (callable<F &, std::size_t, std::size_t>) {
      code = self.step(raw, begin, begin, end);
    } else {
      for (std::size_t i = begin; i < end && code == 0; i++) code = self.step(raw, i, i);
    }
    return code;
  }

  template <class... Indices>
  std::int32_t step(cf_task *raw, std::size_t at, Indices... indices) noexcept {
    return detail::guarded_answer<void>(
        [&]() -> decltype(auto) { return detail::call(raw, body, indices...); },
        [](auto &&) { return 0; },
        [&](const failure &why) {
          const std::int32_t code = cf_task_fail(raw, why.code, why.text);
          std::lock_guard<std::mutex> one(guard);
          // Without memory for it the loop fails all the same, in the words of the C interface.
          return detail::guarded(
              [&] {
                if (!first || at < first->index()) first.emplace(why.kept().with_index(at));
                return code;
              },
              [&](const failure &) { return code; });
        });
  }
};

template <class F>
result<void> for_range(cf_executor *pool, std::size_t begin, std::size_t end, F &body,
                       std::size_t grain) {
  constexpr bool fits = callable<F &, std::size_t, std::size_t> || callable<F &, std::size_t>;
  static_assert(fits, "cf::thread_pool::for_range: the body takes one std::size_t, the index, or "
                      "two, the first index and the end of a piece");
  if constexpr (fits) {
    loop<F> all{ body, {}, {} };
    cf_error *why = nullptr;
    const cf_status status =
        cf_executor_for_range(pool, begin, end, grain, loop<F>::run, &all, &why);
    if (status == CF_OK) return {};
    error failure = take_error(status, why);
    return status == CF_TASK_FAILED && all.first ? *all.first : failure;
  } else {
    return error(CF_INVALID_ARGUMENT);
  }
}

} // namespace detail

CFUTURES_END

#endif
