/**
 * @file cfutures/far.hpp
 * Calls that happen in another process: what may be sent there, and how it is sent and answered.
 *
 * Called by process_pool.hpp. A task is a function that the compiler makes for each type of
 * callable; workers find it by the file that it lies in, as any other C function.
 *
 * Always true:
 * - what is sent is bytes, and nothing in them that this file knows of is an address;
 * - what cannot be sent is one readable error when the program is compiled.
 *
 * dladdr() is in libc since glibc 2.34; older systems have it in libdl (-ldl).
 */
#ifndef CFUTURES_FAR_HPP
#define CFUTURES_FAR_HPP

#include <cfutures/codec.hpp>
#include <cfutures/future.hpp>

#include <dlfcn.h>

CFUTURES_BEGIN
namespace detail {

template <class... Ts> struct types {};

/* The parameters of a function without `cf::task &`; nothing for an overloaded or generic one. */
template <class F, class = void> struct parameters { using list = void; };
template <class R, class... P> struct parameters<R (*)(P...)> {
  using list = types<std::decay_t<P>...>;
};
template <class R, class... P> struct parameters<R (*)(task &, P...)> {
  using list = types<std::decay_t<P>...>;
};
template <class R, class... P> struct parameters<R (*)(P...) noexcept> : parameters<R (*)(P...)> {};

/* M is the type of &F::operator(): a pointer to a function where that is static. */
template <class M> struct method : parameters<M> {};
template <class C, class R, bool N, class... P>
struct method<R (C::*)(P...) noexcept(N)> : parameters<R (*)(P...)> {};
template <class C, class R, bool N, class... P>
struct method<R (C::*)(P...) const noexcept(N)> : parameters<R (*)(P...)> {};
template <class C, class R, bool N, class... P>
struct method<R (C::*)(P...) &&noexcept(N)> : parameters<R (*)(P...)> {};
template <class C, class R, bool N, class... P>
struct method<R (C::*)(P...) const &&noexcept(N)> : parameters<R (*)(P...)> {};
template <class F>
struct parameters<F, std::void_t<decltype(&F::operator())>> : method<decltype(&F::operator())> {};

/* What travels: values of the types of the parameters, so that "text" may become a std::string; of
 * the arguments' own types where the function is generic or their number differs. */
template <class List, class... Args> struct sent { using list = types<Args...>; };
template <class... P, class... Args> struct sent<types<P...>, Args...> {
  using list = std::conditional_t<sizeof...(P) == sizeof...(Args), types<P...>, types<Args...>>;
};
template <class F, class... Args>
using sent_types = typename sent<typename parameters<F>::list, std::decay_t<Args>...>::list;

/* noexcept is a part of a function's type that tells nothing here. */
template <class F> struct without_noexcept { using type = F; };
template <class R, class... P> struct without_noexcept<R (*)(P...) noexcept> {
  using type = R (*)(P...);
};
template <class F> using far_callable = typename without_noexcept<std::decay_t<F>>::type;

/* A function as it travels: the byte of a callable without captures ... */
template <class F> struct far_function {
  static constexpr bool fits = std::is_empty_v<F> && bytes_only<F>;
  F function;
  static far_function from(const F &f, const void *) { return { f }; }
  bool known() const noexcept { return true; }
  F &at(const void *) noexcept { return function; }
};
/* ... or where a function lies in relation to the task that is to call it, both in one file. */
template <class R, class... P> struct far_function<R (*)(P...)> {
  using function = R (*)(P...);
  static constexpr bool fits = true;
  std::intptr_t offset; /* 0: it lies in another file, or is NULL */
  static far_function from(function f, const void *anchor) {
    const auto *lies = reinterpret_cast<const void *>(f);
    Dl_info its, ours;
    const int found = (dladdr(lies, &its) != 0) + (dladdr(anchor, &ours) != 0);
    // In a static program, which is one file, neither may be found.
    const bool near = found == 2 ? its.dli_fbase == ours.dli_fbase : found == 0;
    if (f == nullptr || !near) return { 0 };
    return { reinterpret_cast<std::intptr_t>(lies) - reinterpret_cast<std::intptr_t>(anchor) };
  }
  bool known() const noexcept { return offset != 0; }
  function at(const void *anchor) const noexcept {
    return reinterpret_cast<function>(reinterpret_cast<std::intptr_t>(anchor) + offset);
  }
};

/* How a result that a codec wrote is read in this process. */
template <class V> struct far_decode {
  static bool into(std::optional<V> &kept, const void *data, std::size_t size) {
    reader in(data, size);
    kept.emplace(in.read<V>());
    if (!in.complete()) kept.reset();
    return kept.has_value();
  }
};

/* Writes values into memory of the right size, which `place` gives; NULL ends it with a failure. */
template <class Place, class... Ts> bool encode(Place &&place, const Ts &...values) {
  writer measure;
  (..., measure.write(values));
  void *memory = place(measure.size());
  if (memory == nullptr) return false;
  writer out(memory, measure.size());
  (..., out.write(values));
  return out.size() == measure.size();
}

template <class F, class List> struct CFUTURES_LOCAL far_call;

/* One type of call: a callable F with values of the types Ts. */
template <class F, class... Ts> struct CFUTURES_LOCAL far_call<F, types<Ts...>> {
  using V = value_of<F, Ts...>;
  using function = far_function<F>;
  using message = pack<function, Ts...>;
  static constexpr bool at_once = (true && ... && plain<Ts>); /* the message is its own bytes */

  /* The task, in a worker. */
  static std::int32_t run(cf_task *raw, void *arg, std::size_t size) noexcept {
    const auto fail = [raw](const failure &why) { return cf_task_fail(raw, why.code, why.text); };
    const auto keep = [raw](auto &&value) { return give(raw, value); };
    const auto make = [&](function &f, Ts &...values) {
      auto &&at = f.at(anchor());
      return detail::answer<V>(
          [&]() -> decltype(auto) {
            return detail::call(raw, static_cast<F &&>(at), static_cast<Ts &&>(values)...);
          },
          keep, fail);
    };
    return detail::guarded(
        [&]() -> std::int32_t {
          if constexpr (at_once) {
            (void)size;
            return static_cast<message *>(arg)->apply(
                [&](function &&f, Ts &&...values) { return make(f, values...); });
          } else {
            reader in(arg, size);
            std::tuple<function, Ts...> parts{ in.read<function>(), in.read<Ts>()... };
            if (!in.complete())
              return cf_task_fail(raw, 1, "a cf::codec does not read what it has written");
            return std::apply(make, parts);
          }
        },
        fail);
  }

  /* In this process: a call as bytes for `use`, which also gets the task that reads them. */
  template <class Use, class... Args>
  static result<void> with_bytes(Use &&use, const F &f, Args &&...args) {
    const auto travelling = prepare(f);
    if (!travelling) return travelling.error();
    return with_values(use, *travelling, as<Ts>(std::forward<Args>(args))...);
  }

  template <class... Args>
  static result<future<V>> submit(cf_executor *pool, const F &f, Args &&...args) {
    std::unique_ptr<state_base, release> place;
    if constexpr (!std::is_void_v<V> && !plain<V>) {
      place.reset(new (std::nothrow) decoded<V, far_decode<V>>());
      if (place == nullptr) return error(CF_NO_MEMORY);
    }
    cf_future *raw = nullptr;
    const auto use = [&](const void *data, std::size_t size) -> result<void> {
      const cf_status status = cf_executor_submit(pool, run, data, size, &raw);
      if (status != CF_OK) return refusal(status, pool);
      return {};
    };
    const auto submitted = with_bytes(use, f, std::forward<Args>(args)...);
    if (!submitted) return submitted.error();
    return future<V>(raw, place.release());
  }

  static result<function> prepare(const F &f) {
    const function travelling = function::from(f, anchor());
    if (travelling.known()) return travelling;
    return error(CF_UNKNOWN_FUNCTION, "the function is NULL or lies in another file than the code "
                                      "that submits it: call it in a lambda");
  }

  template <class... Args> static message as_message(const function &f, Args &&...args) {
    return message{ { f }, { as<Ts>(std::forward<Args>(args)) }... };
  }

private:
  struct release {
    void operator()(state_base *place) const noexcept { place->release(); }
  };

  static const void *anchor() noexcept { return reinterpret_cast<const void *>(&run); }

  /* Converts as a call does, without explicit conversions; what needs none is not copied. */
  template <class T, class From>
  static std::conditional_t<std::is_same_v<std::decay_t<From>, T>, From &&, T> as(From &&value) {
    return std::forward<From>(value);
  }

  /* A result, in a worker. */
  template <class Value> static std::int32_t give(cf_task *raw, Value &value) {
    if constexpr (std::is_void_v<V>)
      return 0;
    else if constexpr (plain<V>)
      return cf_task_return(raw, std::addressof(value), sizeof value);
    else if (detail::encode([&](std::size_t size) { return cf_task_result_buffer(raw, size); },
                            value))
      return 0;
    else
      return cf_task_fail(raw, 1, "the cf::codec of the result wrote two different sizes");
  }

  template <class Use>
  static result<void> with_values(Use &&use, const function &f, const Ts &...values) {
    if constexpr (at_once && sizeof(message) <= 4096) {
      const message bytes{ { f }, { values }... };
      return use(&bytes, sizeof bytes);
    } else if constexpr (at_once) { // larger ones might not fit on the stack
      const std::unique_ptr<message> bytes(new (std::nothrow) message{ { f }, { values }... });
      if (bytes == nullptr) return error(CF_NO_MEMORY);
      return use(bytes.get(), sizeof *bytes);
    } else {
      std::unique_ptr<unsigned char[]> memory;
      std::size_t all = 0;
      const bool written = detail::encode(
          [&](std::size_t size) {
            memory.reset(new (std::nothrow) unsigned char[size]);
            all = size;
            return memory.get();
          },
          f, values...);
      if (memory == nullptr) return error(CF_NO_MEMORY);
      if (!written) return error(CF_INVALID_ARGUMENT, "a cf::codec wrote two different sizes");
      return use(memory.get(), all);
    }
  }
};

/* The errors of the compiler: one for each call that cannot be made, and the first reason only. */
template <class F, class... Args, class... Ts> constexpr bool far_fits(types<Ts...>) {
  constexpr bool function = far_function<F>::fits;
  static_assert(function,
                "cf::process_pool: a task must be a function or a lambda without captures; "
                "what it captures would stay in this process: pass it as an argument");
  constexpr bool values = (true && ... && !address_only<Ts>);
  static_assert(values, "cf::process_pool: an argument is a pointer, a reference or a view, which "
                        "leads nowhere in another process: send a value, or a cf::shared_span");
  constexpr bool travel = !values || (true && ... && travels<Ts>);
  static_assert(travel, "cf::process_pool: the type of an argument is not trivially copyable, and "
                        "there is no cf::codec for it");
  constexpr bool fits = callable<F, Ts...> && (true && ... && std::is_convertible_v<Args, Ts>);
  static_assert(fits || !function || !values || !travel,
                "cf::process_pool: the function cannot be called with these arguments; they are "
                "passed as rvalues of the types of its parameters");
  using V = value_of<F, Ts...>;
  constexpr bool value = std::is_void_v<V> || (!std::is_reference_v<V> && !address_only<V>);
  static_assert(value,
                "cf::process_pool: the result is a pointer, a reference or a view, which leads "
                "nowhere in this process: return a value");
  constexpr bool returns = !value || std::is_void_v<V> || travels<V>;
  static_assert(returns, "cf::process_pool: the type of the result is not trivially copyable, and "
                         "there is no cf::codec for it");
  return function && values && travel && fits && value && returns;
}

} // namespace detail
CFUTURES_END

#endif
