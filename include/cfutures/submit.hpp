/**
 * @file cfutures/submit.hpp
 * Submitting to threads: what becomes of a callable and its arguments.
 *
 * Called by thread_pool.hpp and map.hpp. A call that is plain bytes and cannot throw is copied into
 * the future, as a C program's; any other becomes a closure, which the C interface owns.
 *
 * Always true: the way on which all goes well makes nothing that it then has to end.
 */
#ifndef CFUTURES_SUBMIT_HPP
#define CFUTURES_SUBMIT_HPP

#include <cfutures/future.hpp>

CFUTURES_BEGIN
namespace detail {

/* What the C interface says of a call: the parts of its future, or why there is none. */
template <class V> struct submission {
  cf_status status;
  cf_future *raw = nullptr;
  state_base *state = nullptr;

  /* Once, and only after success. */
  future<V> take() const noexcept { return future<V>(raw, state); }
};

/* Whether the C interface may copy a call and its result. */
template <class V, class F, class... Args>
inline constexpr bool is_plain_call =
    bytes_only<pack<F, Args...>> &&bytes_only<stored<V>> &&nothrow_callable<F, Args...> &&
    !is_result<std::remove_cv_t<returned<F, Args...>>>;

template <class F, class... Args> auto submit(cf_executor *pool, F &&f, Args &&...args) {
  using parts = pack<std::decay_t<F>, std::decay_t<Args>...>;
  using V = value_of<std::decay_t<F>, std::decay_t<Args>...>;
  constexpr bool fits = callable<std::decay_t<F>, std::decay_t<Args>...>;
  static_assert(fits,
                "cf::thread_pool::submit: the function cannot be called with these arguments; "
                "they are passed as rvalues of their decayed types, use std::ref() to pass a "
                "reference");
  constexpr bool returns = std::is_void_v<V> || std::is_move_constructible_v<stored<V>>;
  static_assert(returns, "cf::thread_pool::submit: the result can be neither moved nor copied; "
                         "return a std::unique_ptr to it");
  submission<V> made{ CF_NO_MEMORY };
  if constexpr (!fits || !returns) {
    made.status = CF_INVALID_ARGUMENT;
  } else if constexpr (is_plain_call<V, std::decay_t<F>, std::decay_t<Args>...>) {
    const parts bytes{ { std::forward<F>(f) }, { std::forward<Args>(args) }... };
    made.status =
        cf_executor_submit(pool, plain_call<V, parts>::run, &bytes, sizeof bytes, &made.raw);
  } else {
    using owned = closure<V, parts>;
    auto *self = new (std::nothrow) owned(std::forward<F>(f), std::forward<Args>(args)...);
    if (self == nullptr) return made;
    made.status =
        cf_executor_submit_owned(pool, owned::run, self, owned::free_arg, nullptr, &made.raw);
    if (made.status == CF_OK)
      made.state = self;
    else
      self->release(); // the task's reference has been given back by free_arg
  }
  return made;
}

} // namespace detail
CFUTURES_END

#endif
