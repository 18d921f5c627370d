/**
 * @file cfutures/shared.hpp
 * Memory that a process pool shares with its workers: its owner here, and what travels to a task.
 *
 * Made by process_pool.hpp. Always true: a span is as good in a worker as here, while the array
 * lives, which must end before its pool.
 */
#ifndef CFUTURES_SHARED_HPP
#define CFUTURES_SHARED_HPP

#include <cfutures/result.hpp>

#include <memory>

CFUTURES_BEGIN

/**
 * Where shared items are: a value that can be an argument of a task, here or in a worker.
 *
 * @code{.cpp}
 * double sum(cf::shared_span<double> numbers) {
 *   double all = 0;
 *   for (double n : numbers) all += n;
 *   return all;
 * }
 * @endcode
 */
template <class T> struct shared_span {
  /** The first item; the same address in every process. */
  T *items = nullptr;
  /** How many there are. */
  std::size_t count = 0;

  /** The first item. */
  T *begin() const noexcept { return items; }
  /** Behind the last item. */
  T *end() const noexcept { return items + count; }
  /** The first item. */
  T *data() const noexcept { return items; }
  /** How many there are. */
  std::size_t size() const noexcept { return count; }
  /** An item; the index is not checked. */
  T &operator[](std::size_t i) const noexcept { return items[i]; }
  /** A part of it, for a task of its own. */
  shared_span part(std::size_t first, std::size_t n) const noexcept { return { items + first, n }; }
};

/**
 * Owns memory of a pool; see process_pool::shared_alloc(). When several tasks write, they share it
 * as threads do.
 *
 * Python: `multiprocessing.shared_memory.SharedMemory(create=True, size=size)`.
 */
template <class T> class shared_array {
  static_assert(std::is_trivially_copyable_v<T> && alignof(T) <= 64,
                "cf::shared_array: the items are shared as bytes, so they must be trivially "
                "copyable");
  static_assert(std::is_default_constructible_v<T>,
                "cf::shared_array: the first value of each item is T(), so there must be one");

public:
  /** The other one is empty then. */
  shared_array(shared_array &&other) noexcept
      : pool_(other.pool_), span_(std::exchange(other.span_, {})) {}
  /** What this one had goes with the other. */
  shared_array &operator=(shared_array &&other) noexcept {
    std::swap(pool_, other.pool_);
    std::swap(span_, other.span_);
    return *this;
  }
  /** Frees the memory; no task may use it any more. */
  ~shared_array() {
    if (span_.items != nullptr) cf_executor_shared_free(pool_, span_.items);
  }

  /** What a task takes. */
  shared_span<T> span() const noexcept { return span_; }
  /** The first item. */
  T *begin() const noexcept { return span_.begin(); }
  /** Behind the last item. */
  T *end() const noexcept { return span_.end(); }
  /** The first item. */
  T *data() const noexcept { return span_.data(); }
  /** How many there are. */
  std::size_t size() const noexcept { return span_.size(); }
  /** An item; the index is not checked. */
  T &operator[](std::size_t i) const noexcept { return span_[i]; }

  /* For the pool. */
  static result<shared_array> make(cf_executor *pool, std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / sizeof(T)) return error(CF_NO_MEMORY);
    void *memory;
    const cf_status status =
        cf_executor_shared_alloc(pool, count != 0 ? count * sizeof(T) : 1, &memory);
    if (status != CF_OK) return error(status);
    auto *items = static_cast<T *>(memory);
    std::uninitialized_value_construct_n(items, count);
    return shared_array(pool, { items, count });
  }

private:
  shared_array(cf_executor *pool, shared_span<T> span) noexcept : pool_(pool), span_(span) {}

  cf_executor *pool_;
  shared_span<T> span_;
};

CFUTURES_END

#endif
