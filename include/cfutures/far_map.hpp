/**
 * @file cfutures/far_map.hpp
 * Maps over ranges in worker processes.
 *
 * Called by process_pool.hpp. Items that are plain bytes go as one map of the C interface, in chunks;
 * others differ in size and go as one task each. Always true: dropping a map cancels what has not
 * started.
 */
#ifndef CFUTURES_FAR_MAP_HPP
#define CFUTURES_FAR_MAP_HPP

#include <cfutures/far.hpp>
#include <cfutures/map.hpp>

CFUTURES_BEGIN
namespace detail {

/* The results of a map of the C interface. */
template <class V> class far_source {
public:
  far_source(cf_map *raw, std::size_t size) noexcept : raw_(raw), size_(size) {}

  std::size_t size() const noexcept { return size_; }

  std::optional<result<V>> next() {
    cf_item item;
    const cf_status status = cf_map_next(raw_.get(), &item);
    if (status == CF_END || raw_ == nullptr) return std::nullopt;
    if (status != CF_OK) {
      raw_.reset(); // it would say the same again, and a loop over all never end
      return result<V>(error(status));
    }
    if (item.status != CF_OK) return result<V>(error(item.error).with_index(item.index));
    if constexpr (std::is_void_v<V>) {
      return result<V>();
    } else {
      reader in(item.data, item.size);
      result<V> value(in.read<V>());
      if (!in.complete()) return result<V>(error(CF_SIZE_MISMATCH).with_index(item.index));
      return value;
    }
  }

private:
  struct free_map {
    void operator()(cf_map *raw) const noexcept { cf_map_free(raw); }
  };
  std::unique_ptr<cf_map, free_map> raw_;
  std::size_t size_;
};

/* The results of a task for each item. */
template <class V> class futures_source {
public:
  explicit futures_source(timeout limit) : deadline_(limit) {}
  futures_source(futures_source &&) = default;
  futures_source &operator=(futures_source &&other) noexcept {
    std::swap(futures_, other.futures_);
    std::swap(deadline_, other.deadline_);
    std::swap(next_, other.next_);
    return *this;
  }
  ~futures_source() { cancel(); }

  std::size_t size() const noexcept { return futures_.size(); }
  void add(future<V> item) { futures_.push_back(std::move(item)); }

  std::optional<result<V>> next() {
    if (next_ >= size()) return std::nullopt;
    const std::size_t i = next_++;
    const cf_status status = futures_[i].try_wait(deadline_.left());
    if (status == CF_TIMEOUT) next_ = size();
    if (status == CF_TIMEOUT) cancel();
    if (status != CF_OK) return result<V>(error(status).with_index(i));
    auto outcome = std::move(futures_[i]).result(std::chrono::nanoseconds(0));
    if (!outcome) return result<V>(error(outcome.error()).with_index(i));
    return outcome;
  }

private:
  void cancel() noexcept {
    for (const auto &item : futures_) item.cancel();
  }

  std::vector<future<V>> futures_;
  deadline deadline_;
  std::size_t next_ = 0;
};

/* A map as the C interface makes it; NULL options for the defaults. */
inline result<cf_map *> map_bytes(cf_executor *pool, const map_options &options, cf_task_fn task,
                                  const void *items, std::size_t item_size, std::size_t count) {
  cf_map_options *raw;
  cf_status status = cf_map_options_new(&raw);
  if (status != CF_OK) return error(status);
  cf_map *made = nullptr;
  status = cf_map_options_set_timeout(raw, options.limit.nanoseconds());
  if (status == CF_OK) status = cf_map_options_set_chunk_size(raw, options.chunk_size);
  if (status == CF_OK) status = cf_executor_map(pool, task, items, item_size, count, raw, &made);
  cf_map_options_free(raw);
  if (status != CF_OK) return refusal(status, pool);
  return made;
}

template <class F, class List, class... Ranges>
CFUTURES_LOCAL auto far_map(List, cf_executor *pool, const map_options &options, const F &f,
                            Ranges &&...ranges) {
  using call = far_call<F, List>;
  using V = typename call::V;
  constexpr auto indices = std::index_sequence_for<Ranges...>();
  if constexpr (call::at_once) {
    using answer = result<mapped<V, far_source<V>>>;
    const auto travelling = call::prepare(f);
    if (!travelling) return answer(travelling.error());
    std::vector<typename call::message> items;
    detail::zip<Ranges...>(
        indices,
        [&](auto &&...one) {
          items.push_back(call::as_message(*travelling, std::forward<decltype(one)>(one)...));
        },
        std::forward<Ranges>(ranges)...);
    const auto made =
        map_bytes(pool, options, call::run, items.data(), sizeof items[0], items.size());
    if (!made) return answer(made.error());
    return answer(mapped<V, far_source<V>>(far_source<V>(*made, items.size())));
  } else {
    using answer = result<mapped<V, futures_source<V>>>;
    futures_source<V> all(options.limit);
    std::optional<error> refused;
    detail::zip<Ranges...>(
        indices,
        [&](auto &&...one) {
          if (refused) return;
          auto submitted = call::submit(pool, f, std::forward<decltype(one)>(one)...);
          if (submitted)
            all.add(*std::move(submitted));
          else
            refused = submitted.error();
        },
        std::forward<Ranges>(ranges)...);
    if (refused) return answer(std::move(*refused)); // those before are cancelled
    return answer(mapped<V, futures_source<V>>(std::move(all)));
  }
}

} // namespace detail
CFUTURES_END

#endif
