/**
 * @file cfutures/task.hpp
 * What a task is in C++: the running call as it sees it, how it is called, and what it gives back.
 *
 * Owns cf::task and the rules by which thread_pool.hpp, far.hpp and map.hpp call what a user
 * submits. Always true: the same callable is called in the same way by every one of them.
 */
#ifndef CFUTURES_TASK_HPP
#define CFUTURES_TASK_HPP

#include <cfutures/result.hpp>

#include <functional>
#include <tuple>

CFUTURES_BEGIN

/**
 * The running call, as its task sees it: a first parameter that a task may have.
 *
 * Python: `threading.current_thread()` in a task.
 *
 * @code{.cpp}
 * auto f = pool.submit([](cf::task &task, int n) {
 *   std::printf("%s took %d\n", task.worker_name(), n);
 * }, 7);
 * @endcode
 */
class task {
public:
  /** Made by the pools, and for tasks that the C interface calls. */
  explicit task(cf_task *raw) noexcept : raw_(raw) {}
  task(const task &) = delete;
  task &operator=(const task &) = delete;

  /** The position in a map over processes; see cf_task_index(). */
  std::size_t index() const noexcept { return cf_task_index(raw_); }
  /** Which worker of its pool runs the task; see cf_task_worker(). */
  std::uint32_t worker() const noexcept { return cf_task_worker(raw_); }
  /** That worker's name; see cf_task_worker_name(). */
  const char *worker_name() const noexcept { return cf_task_worker_name(raw_); }
  /** The handle of the C interface. Its result is the wrapper's to give. */
  cf_task *c_task() const noexcept { return raw_; }

private:
  cf_task *raw_;
};

namespace detail {

/* A callable is called with the arguments alone if it can be, else with the task before them. */
template <class F, class... Args>
inline constexpr bool takes_task =
    !std::is_invocable_v<F, Args...> && std::is_invocable_v<F, task &, Args...>;

template <class F, class... Args>
inline constexpr bool callable = std::is_invocable_v<F, Args...> || takes_task<F, Args...>;

template <class F, class... Args>
inline constexpr bool nothrow_callable =
    !CFUTURES_EXCEPTIONS || std::is_nothrow_invocable_v<F, Args...> ||
    (takes_task<F, Args...> && std::is_nothrow_invocable_v<F, task &, Args...>);

/* Arguments go through unchanged: what takes them by value moves out of them. */
template <class F, class... Args> decltype(auto) call(cf_task *raw, F &&f, Args &&...args) {
  if constexpr (takes_task<F, Args...>) {
    task running(raw);
    return std::invoke(std::forward<F>(f), running, std::forward<Args>(args)...);
  } else {
    return std::invoke(std::forward<F>(f), std::forward<Args>(args)...);
  }
}

/* What a call returns; void if it is none, so that a static_assert is the only message. */
template <class F, class... Args> auto returned_by() {
  if constexpr (takes_task<F, Args...>)
    return std::invoke_result<F, task &, Args...>();
  else if constexpr (std::is_invocable_v<F, Args...>)
    return std::invoke_result<F, Args...>();
  else
    return std::enable_if<true, void>();
}
template <class F, class... Args>
using returned = typename decltype(returned_by<F, Args...>())::type;

template <class R> struct value_type_of {
  using value = std::remove_cv_t<std::remove_reference_t<R>>;
  static constexpr bool is_error = std::is_same_v<value, error> && !std::is_lvalue_reference_v<R>;
  static_assert(!is_error, "cf: a cf::error is a failure and no result: return a cf::result");
  using type = std::conditional_t<std::is_lvalue_reference_v<R>, R,
                                  std::conditional_t<is_error, void, value>>;
};
template <class T> struct value_type_of<result<T>> { using type = T; };
/* The T of the future of a call: references stay, a cf::result<T>, but no reference to one, counts
 * as its T. */
template <class F, class... Args>
using value_of = typename value_type_of<std::remove_cv_t<returned<F, Args...>>>::type;

/*
 * Makes a call and hands what it returns to `keep`, as a stored<V>; a failed cf::result goes to
 * `fail`, as a failure. Gives what the chosen one gives.
 */
template <class V, class Keep, class Fail, class Call>
std::int32_t answer(Call &&make_call, Keep &&keep, Fail &&fail) {
  using R = decltype(make_call());
  if constexpr (is_result<std::remove_cv_t<R>>) {
    auto outcome = make_call();
    if (!outcome) return fail(failure::of(outcome.error()));
    if constexpr (std::is_void_v<V>)
      return keep(std::monostate());
    else if constexpr (std::is_reference_v<V>)
      return keep(std::addressof(*outcome));
    else
      return keep(*std::move(outcome));
  } else if constexpr (std::is_void_v<V>) {
    make_call();
    return keep(std::monostate());
  } else if constexpr (std::is_reference_v<V>) {
    return keep(std::addressof(make_call()));
  } else {
    return keep(make_call());
  }
}

/* What `make_call` gives; an exception that comes out of it goes to `fail`, as a failure. */
template <class Call, class Fail> std::int32_t guarded(Call &&make_call, Fail &&fail) noexcept {
#if CFUTURES_EXCEPTIONS
  try {
    return make_call();
  } catch (...) {
    return fail_with_exception(fail);
  }
#else
  (void)fail;
  return make_call();
#endif
}

template <class V, class Keep, class Fail, class Call>
std::int32_t guarded_answer(Call &&make_call, Keep &&keep, Fail &&fail) noexcept {
  return detail::guarded([&] { return detail::answer<V>(make_call, keep, fail); }, fail);
}

/* The bytes of a tuple, which std::tuple is not: trivially copyable if all members are. */
template <std::size_t I, class T> struct member { T value; };
template <class Indices, class... Ts> struct members;
template <std::size_t... I, class... Ts>
struct members<std::index_sequence<I...>, Ts...> : member<I, Ts>... {
  /* Calls f with every member as an rvalue. */
  template <class F> decltype(auto) apply(F &&f) {
    return std::forward<F>(f)(std::move(static_cast<member<I, Ts> &>(*this).value)...);
  }
};
template <class... Ts> using pack = members<std::index_sequence_for<Ts...>, Ts...>;

/* Calls the first member of a pack with the others. */
template <class Pack> decltype(auto) call_parts(cf_task *raw, Pack &parts) {
  return parts.apply(
      [&](auto &&...each) -> decltype(auto) { return detail::call(raw, std::move(each)...); });
}

/* What the C interface may copy as bytes, in memory that is 16-byte aligned. */
template <class T>
inline constexpr bool
    bytes_only = std::is_trivially_copyable_v<T> &&std::is_trivially_destructible_v<T> &&
                 alignof(T) <= 16;

} // namespace detail

CFUTURES_END

#endif
