/**
 * @file cfutures/result.hpp
 * cf::result<T>: a value or why there is none, for programs without exceptions and for those that
 * would rather look than catch.
 *
 * Returned by future::result(), by everything called try_..., and by tasks that fail without
 * throwing. Always true: it holds a value or an error, never neither.
 */
#ifndef CFUTURES_RESULT_HPP
#define CFUTURES_RESULT_HPP

#include <cfutures/error.hpp>

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

CFUTURES_BEGIN

template <class T> class result;

namespace detail {

/* A T as a member: a reference becomes a pointer, void becomes a type with one value. */
template <class T>
using stored = std::conditional_t<
    std::is_void_v<T>, std::monostate,
    std::conditional_t<std::is_reference_v<T>, std::add_pointer_t<std::remove_reference_t<T>>, T>>;

/* Back again: what a function that returns T returns. Of a void nothing is read. */
template <class T, class Stored> decltype(auto) unstore(Stored &&value) {
  if constexpr (std::is_void_v<T>)
    return static_cast<void>(value);
  else if constexpr (std::is_reference_v<T>)
    return static_cast<T>(*value);
  else
    return static_cast<Stored &&>(value);
}

template <class T> inline constexpr bool is_result = false;
template <class T> inline constexpr bool is_result<result<T>> = true;

} // namespace detail

/**
 * A value, or the cf::error because of which there is none. T may be a reference or void.
 *
 * The shape is that of std::expected<T, cf::error>, which C++17 does not have.
 *
 * @code{.cpp}
 * cf::result<int> r = future.result();
 * if (r)
 *   std::printf("%d\n", *r);
 * else
 *   std::printf("%s: %s\n", cf_status_name(r.status()), r.error().what());
 * @endcode
 */
template <class T> class [[nodiscard]] result {
  using stored = detail::stored<T>;
  template <class U>
  using if_value = std::enable_if_t<
      !std::is_void_v<T> && !std::is_reference_v<T> && std::is_constructible_v<stored, U> &&
      !std::is_same_v<std::decay_t<U>, result> && !std::is_same_v<std::decay_t<U>, cf::error>>;

public:
  using value_type = T;

  /** Success without a value: for result<void>. */
  template <class U = T, class = std::enable_if_t<std::is_void_v<U>>> result() {}
  /** A value; with result<T &>, what it refers to. */
  template <class U, class = if_value<U>, int = 0>
  result(U &&value) : held_(std::in_place_index<0>, std::forward<U>(value)) {}
  template <class U,
            class = std::enable_if_t<std::is_reference_v<T> && std::is_convertible_v<U *, stored>>>
  result(U &value) : held_(std::in_place_index<0>, &value) {}
  /** A failure. */
  result(cf::error why) : held_(std::in_place_index<1>, std::move(why)) {}

  bool has_value() const noexcept { return held_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /** CF_OK, or the status of the error. */
  cf_status status() const noexcept { return has_value() ? CF_OK : error().status(); }

  /** The error. Only if there is no value. */
  const cf::error &error() const noexcept { return *std::get_if<1>(&held_); }

  /** The value. Throws the task's own exception or the error if there is none. */
  std::add_lvalue_reference_t<T> value() & {
    check();
    return **this;
  }
  std::add_lvalue_reference_t<const T> value() const & {
    check();
    return **this;
  }
  T value() && {
    check();
    return *std::move(*this);
  }

  /** The value, or another in its place. */
  template <class U> T value_or(U &&other) const & {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  template <class U> T value_or(U &&other) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
  }

  /** The value, unchecked. */
  std::add_lvalue_reference_t<T> operator*() &noexcept {
    return detail::unstore<T>(*std::get_if<0>(&held_));
  }
  std::add_lvalue_reference_t<const T> operator*() const &noexcept {
    return detail::unstore<T>(*std::get_if<0>(&held_));
  }
  T operator*() && { return detail::unstore<T>(std::move(*std::get_if<0>(&held_))); }
  std::add_pointer_t<T> operator->() noexcept { return &**this; }
  std::add_pointer_t<const T> operator->() const noexcept { return &**this; }

private:
  void check() const {
    if (!has_value()) detail::raise(error());
  }

  std::variant<stored, cf::error> held_;
};

CFUTURES_END

#endif
