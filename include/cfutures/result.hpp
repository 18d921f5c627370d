/**
 * @file cfutures/result.hpp
 * cf::result<T>: a value or why there is none, for programs without exceptions and for those that
 * would rather look than catch.
 *
 * Returned by future::result(), by everything called try_..., and by tasks that fail without
 * throwing. Always true: it has a value or an error, also after an assignment that threw.
 */
#ifndef CFUTURES_RESULT_HPP
#define CFUTURES_RESULT_HPP

#include <cfutures/error.hpp>

#include <memory>
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
  static_assert(!std::is_same_v<std::remove_cv_t<T>, cf::error>,
                "cf::result: a cf::error is the failure, so it cannot be the value too");

  using stored = detail::stored<T>;
  /* Another result is no value, though one of bool could be made of it. */
  template <class U, bool Implicit>
  using if_value = std::enable_if_t<
      !std::is_void_v<T> && !std::is_reference_v<T> && std::is_constructible_v<stored, U> &&
      std::is_convertible_v<U, stored> == Implicit && !std::is_same_v<std::decay_t<U>, result> &&
      (!detail::is_result<std::decay_t<U>> ||
       std::is_same_v<std::decay_t<U>, T>)&&!std::is_same_v<std::decay_t<U>, cf::error>>;

public:
  /** What a success holds. */
  using value_type = T;

  /** Success without a value: for result<void>. */
  template <class U = T, class = std::enable_if_t<std::is_void_v<U>>> result() {}
  /** A value: implicit where T could be initialised with `T t = value`. */
  template <class U = T, class = if_value<U, true>, int = 0>
  result(U &&value) : held_(std::in_place_index<0>, std::forward<U>(value)) {}
  /** The same where T would ask for `T t(value)`. */
  template <class U = T, class = if_value<U, false>, long = 0>
  explicit result(U &&value) : held_(std::in_place_index<0>, std::forward<U>(value)) {}
  /** What a result<T &> refers to. */
  template <class U,
            class = std::enable_if_t<std::is_reference_v<T> && std::is_convertible_v<U *, stored>>>
  result(U &value) : held_(std::in_place_index<0>, std::addressof(value)) {}
  /** A failure. */
  result(cf::error why) : held_(std::in_place_index<1>, std::move(why)) {}

  /** Whether there is a value. */
  bool has_value() const noexcept { return held_.index() == 0; }
  /** The same. */
  explicit operator bool() const noexcept { return has_value(); }

  /** CF_OK, or the status of the error. */
  cf_status status() const noexcept { return has_value() ? CF_OK : error().status(); }

  /** The error. Only if there is no value. */
  const cf::error &error() const noexcept {
    const cf::error *why = std::get_if<1>(&held_);
    return why != nullptr ? *why : lost();
  }

  /** The value. Throws the task's own exception or the error if there is none. */
  std::add_lvalue_reference_t<T> value() & {
    check();
    return **this;
  }
  /** The same. */
  std::add_lvalue_reference_t<const T> value() const & {
    check();
    return **this;
  }
  /** The same, taken out. */
  T value() && {
    check();
    return *std::move(*this);
  }

  /** The value, or another in its place. */
  template <class U> T value_or(U &&other) const & {
    return has_value() ? **this : static_cast<T>(std::forward<U>(other));
  }
  /** The same, taken out. */
  template <class U> T value_or(U &&other) && {
    return has_value() ? *std::move(*this) : static_cast<T>(std::forward<U>(other));
  }

  /** The value, unchecked. */
  std::add_lvalue_reference_t<T> operator*() &noexcept {
    return detail::unstore<T>(*std::get_if<0>(&held_));
  }
  /** The same. */
  std::add_lvalue_reference_t<const T> operator*() const &noexcept {
    return detail::unstore<T>(*std::get_if<0>(&held_));
  }
  /** The same, taken out. */
  T operator*() && { return detail::unstore<T>(std::move(*std::get_if<0>(&held_))); }
  /** The value's address, unchecked. */
  std::add_pointer_t<T> operator->() noexcept { return std::addressof(**this); }
  /** The same. */
  std::add_pointer_t<const T> operator->() const noexcept { return std::addressof(**this); }

private:
  void check() const {
    if (!has_value()) detail::raise(error());
  }

  /* What there is after an assignment that threw on the way from an error to a value. */
  static const cf::error &lost() noexcept {
    static const cf::error nothing(CF_INVALID_STATE);
    return nothing;
  }

  std::variant<stored, cf::error> held_;
};

CFUTURES_END

#endif
