/**
 * @file cfutures/state.hpp
 * The memory that a task and its futures share when the result is no plain bytes.
 *
 * Owns: the reference count, the result, the exception. Used by future.hpp, which reads it,
 * thread_pool.hpp and promise.hpp, which fill it, and far.hpp, which decodes into it.
 *
 * Always true:
 * - what runs the task is the only one that writes, before the C future is done; whoever reads has
 *   seen it done before;
 * - the callable and its arguments end before the future is done, or when the task is cancelled, the
 *   memory itself with the last reference.
 */
#ifndef CFUTURES_STATE_HPP
#define CFUTURES_STATE_HPP

#include <cfutures/task.hpp>

#include <atomic>
#include <memory>
#include <mutex>
#include <new>

CFUTURES_BEGIN
namespace detail {

/* No virtual functions: they would ask for RTTI in some files of a program and not in others. */
class state_base {
public:
  using end_fn = void (*)(state_base *) noexcept;

  state_base(std::uint32_t references, end_fn end) noexcept : references_(references), end_(end) {}
  state_base(const state_base &) = delete;
  state_base &operator=(const state_base &) = delete;

  void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }

  void release() noexcept {
    // Release: what this holder did to the state comes before its end; pairs with the Acquire.
    if (references_.fetch_sub(1, std::memory_order_release) != 1) return;
    (void)references_.load(std::memory_order_acquire);
    end_(this);
  }

  /* The exception with which the task failed. */
  std::exception_ptr cause;

protected:
  ~state_base() = default;

private:
  std::atomic<std::uint32_t> references_;
  end_fn end_;
};

/* With a place for the result. */
template <class V> class state : public state_base {
public:
  using state_base::state_base;

  /* The result of a future that is done and has succeeded, which is `raw`; NULL: its bytes are none. */
  stored<V> *value(cf_future *raw) {
    if (decode_ != nullptr) return decode_(*this, raw);
    return std::addressof(*kept);
  }

  std::optional<stored<V>> kept;

protected:
  using decode_fn = stored<V> *(*)(state &, cf_future *);
  decode_fn decode_ = nullptr; /* set where the result comes as bytes that are to be decoded */
};

/* With the callable and its arguments: what a thread pool takes as the argument of a task. */
template <class V, class Pack> class closure : public state<V> {
public:
  /* Two references: the task's, which free_arg gives back, and the first future's. */
  template <class... Ts>
  explicit closure(Ts &&...parts) : state<V>(2, end), parts_{ { std::forward<Ts>(parts) }... } {}

  static std::int32_t run(cf_task *raw, void *arg, std::size_t) noexcept {
    auto &self = *static_cast<closure *>(arg);
    return detail::guarded_answer<V>(
        [&]() -> decltype(auto) { return detail::call_parts(raw, self.parts_); },
        [&](auto &&value) {
          self.kept.emplace(std::forward<decltype(value)>(value));
          return 0;
        },
        [&](const failure &why) {
          self.cause = why.cause;
          return cf_task_fail(raw, why.code, why.text);
        });
  }

  /* Called once: after the call, before its future is done, or when there is none. */
  static void free_arg(void *arg) noexcept {
    auto *self = static_cast<closure *>(arg);
    self->parts_.~Pack();
    self->release();
  }

private:
  ~closure() {}
  static void end(state_base *self) noexcept { delete static_cast<closure *>(self); }

  union {
    Pack parts_; // ends before the rest
  };
};

/* A task without a closure: its parts and its result are bytes, and nothing can be thrown. */
template <class V, class Pack> struct plain_call {
  static std::int32_t run(cf_task *raw, void *arg, std::size_t) noexcept {
    return detail::guarded_answer<V>(
        [&]() -> decltype(auto) { return detail::call_parts(raw, *static_cast<Pack *>(arg)); },
        [&](auto &&value) {
          if constexpr (std::is_void_v<V>)
            return 0;
          else
            return cf_task_return(raw, std::addressof(value), sizeof value);
        },
        [&](const failure &why) { return cf_task_fail(raw, why.code, why.text); });
  }
};

/* With a place for a result that comes as bytes: decoded once, by the first who asks. */
template <class V, class Decode> class decoded : public state<V> {
public:
  decoded() noexcept : state<V>(1, end) { this->decode_ = decode; }

private:
  static stored<V> *decode(state<V> &base, cf_future *raw) {
    auto &self = static_cast<decoded &>(base);
    std::lock_guard<std::mutex> guard(self.decoding_);
    if (!self.kept) {
      std::size_t size;
      const void *data = cf_future_data(raw, &size);
      if (!Decode::into(self.kept, data, size)) return nullptr;
    }
    return std::addressof(*self.kept);
  }

  static void end(state_base *self) noexcept { delete static_cast<decoded *>(self); }

  std::mutex decoding_;
};

} // namespace detail
CFUTURES_END

#endif
