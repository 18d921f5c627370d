/**
 * @file cfutures/future.hpp
 * cf::future<T>: a handle of a call that has been submitted, and of its outcome.
 *
 * Made by the pools and by cf::promise. Always true: a handle holds one reference to the C future
 * and one to the state, if there is one; it is empty only after a move or when made so.
 */
#ifndef CFUTURES_FUTURE_HPP
#define CFUTURES_FUTURE_HPP

#include <cfutures/state.hpp>

CFUTURES_BEGIN

/**
 * A future of which the type of the result does not matter: futures of several types fit into one
 * container as such, for cf::wait() and cf::as_completed().
 *
 * Handles are shared, as in Python: a copy refers to the same call, and handles are equal if they
 * do. Dropping the last one cancels nothing. All may be used from any threads at the same time, as
 * long as no thread assigns to a handle that another uses.
 *
 * Python: `concurrent.futures.Future`.
 *
 * @code{.cpp}
 * std::vector<cf::any_future> all = { pool.submit(load, url), pool.submit(count, text) };
 * cf::wait(all, 2s);
 * @endcode
 */
class any_future {
public:
  /** An empty handle. */
  any_future() noexcept = default;
  /** Another handle of the same call. */
  any_future(const any_future &other) noexcept
      : raw_(cf_future_retain(other.raw_)), state_(other.state_) {
    if (state_ != nullptr) state_->retain();
  }
  /** The same handle; the other one is empty then. */
  any_future(any_future &&other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)), state_(std::exchange(other.state_, nullptr)) {}
  /** Refers to the other's call from now on. */
  any_future &operator=(any_future other) noexcept {
    std::swap(raw_, other.raw_);
    std::swap(state_, other.state_);
    return *this;
  }
  /** Gives the handle back; with the last one the result goes. */
  ~any_future() {
    if (raw_ != nullptr) cf_future_release(raw_); // many are moved from
    if (state_ != nullptr) state_->release();
  }

  /** Whether the handle refers to a call. */
  bool valid() const noexcept { return raw_ != nullptr; }
  /** Where the call stands, as one snapshot. */
  cf_state state() const noexcept { return cf_future_state(raw_); }
  /** Whether it has ended, in whatever way. */
  bool done() const noexcept { return cf_future_done(raw_); }
  /** Whether a worker runs it now. */
  bool running() const noexcept { return cf_future_running(raw_); }
  /** Whether it was cancelled. */
  bool cancelled() const noexcept { return cf_future_cancelled(raw_); }

  /** Cancels the call if it has not started, and frees callable and arguments. True: cancelled. */
  bool cancel() const noexcept { return cf_future_cancel(raw_); }

  /** Ends a call of a process pool even if it runs; see cf_future_kill(). */
  void kill(timeout grace = std::chrono::nanoseconds(0)) const {
    detail::check(cf_future_kill(raw_, grace.nanoseconds()));
  }

  /**
   * Waits until the call has ended. False: it has not, in time.
   *
   * Throws cf::error for a wait that can never end (CF_DEADLOCK), and of an empty handle.
   */
  bool wait(timeout limit = forever) const {
    const cf_status status = try_wait(limit);
    if (status != CF_TIMEOUT) detail::check(status);
    return status == CF_OK;
  }
  /** The same by the names of std::future. */
  template <class Rep, class Period> bool wait_for(std::chrono::duration<Rep, Period> span) const {
    return wait(span);
  }
  /** The same by the names of std::future. */
  template <class Clock, class Duration>
  bool wait_until(std::chrono::time_point<Clock, Duration> when) const {
    return wait(when);
  }
  /** Waits and says with a status how that went: CF_OK when the call has ended. */
  cf_status try_wait(timeout limit = forever) const noexcept {
    const cf_error *ignored;
    const cf_status status = cf_future_exception(raw_, limit.nanoseconds(), &ignored);
    return status == CF_CANCELLED ? CF_OK : status;
  }

  /** Waits for the end and says how the call failed; nothing when it succeeded. */
  std::optional<cf::error> exception(timeout limit = forever) const {
    if (!wait(limit)) detail::raise(cf::error(CF_TIMEOUT));
    const cf_error *failure = cf_future_error(raw_);
    if (failure == nullptr) return std::nullopt;
    return cf::error(failure).with_cause(cause());
  }

  /** The handle of the C interface, borrowed. */
  cf_future *c_future() const noexcept { return raw_; }

  /** Whether two handles refer to the same call. */
  friend bool operator==(const any_future &a, const any_future &b) noexcept {
    return a.raw_ == b.raw_;
  }
  /** The opposite. */
  friend bool operator!=(const any_future &a, const any_future &b) noexcept { return !(a == b); }

protected:
  any_future(cf_future *raw, detail::state_base *state) noexcept : raw_(raw), state_(state) {}

  /* Only of a call that has ended. */
  std::exception_ptr cause() const noexcept { return state_ != nullptr ? state_->cause : nullptr; }

  cf_future *raw_ = nullptr;
  detail::state_base *state_ = nullptr;
};

template <class T> class promise;

/**
 * The future of a call that gives a T: an object, a reference or void.
 *
 * get() leaves the result where it is and gives a reference, as often as one likes; to take it out,
 * which is what one has to do with a result that only moves, move the handle:
 *
 * @code{.cpp}
 * cf::future<std::string> text = pool.submit(load, "a.txt");
 * std::puts(text.get().c_str());
 * std::string mine = std::move(text).get();
 * std::unique_ptr<page> p = pool.submit(parse, mine).get();
 * @endcode
 */
template <class T> class future : public any_future {
  using stored = detail::stored<T>;
  using reference = std::add_lvalue_reference_t<const T>; /* of a T & it is T & */

public:
  /** What the call gives. */
  using value_type = T;

  /** An empty handle. */
  future() noexcept = default;

  /**
   * Waits for the result.
   *
   * Throws the task's own exception, or cf::error: CF_TIMEOUT, CF_CANCELLED, CF_WORKER_DIED and
   * whatever else cf_future_result() can say. The reference is valid while a handle is left.
   */
  reference get(timeout limit = forever) const & {
    return detail::unstore<T>(std::as_const(value(limit)));
  }
  /** Waits for the result and takes it out; who looks through another handle finds it moved from. */
  T get(timeout limit = forever) && { return detail::unstore<T>(std::move(value(limit))); }

  /** The same without exceptions: a copy of the result, or why there is none. */
  cf::result<T> result(timeout limit = forever) const & {
    static_assert(std::is_copy_constructible_v<stored>,
                  "cf::future::result: the result cannot be copied, so move it out of its future: "
                  "std::move(future).result()");
    return wrap([&](stored &value) -> decltype(auto) { return std::as_const(value); }, limit);
  }
  /** The same; the result is taken out. */
  cf::result<T> result(timeout limit = forever) && {
    return wrap([&](stored &value) -> decltype(auto) { return std::move(value); }, limit);
  }

  /**
   * Has a function called when the call has ended, however it did: with the future, or with nothing.
   *
   * See cf_future_add_done_callback() for the thread that calls it. An exception that it lets out
   * ends the program. The function is freed after the call, or when the future goes without an end.
   *
   * Python: `Future.add_done_callback(fn)`.
   *
   * @code{.cpp}
   * future.add_done_callback([](const cf::future<int> &f) { std::printf("%d\n", f.get()); });
   * @endcode
   */
  template <class F> void add_done_callback(F &&f) const {
    detail::check(try_add_done_callback(std::forward<F>(f)));
  }
  /** The same with a status; after a failure the function has been freed. */
  template <class F> [[nodiscard]] cf_status try_add_done_callback(F &&f) const {
    using G = std::decay_t<F>;
    constexpr bool bare = !std::is_invocable_v<G, future>;
    static_assert(!bare || std::is_invocable_v<G>,
                  "cf::future::add_done_callback: the function cannot be called with the future, "
                  "nor with nothing");
    struct callback {
      G function;
      detail::state_base *state;
      static void run(cf_future *raw, void *self) noexcept {
        auto &c = *static_cast<callback *>(self);
        if constexpr (bare) {
          std::invoke(std::move(c.function));
        } else {
          if (c.state != nullptr) c.state->retain();
          std::invoke(std::move(c.function), future(cf_future_retain(raw), c.state));
        }
      }
      static void end(void *self) noexcept {
        auto *c = static_cast<callback *>(self);
        if (c->state != nullptr) c->state->release();
        delete c;
      }
    };
    auto *c = new (std::nothrow) callback{ std::forward<F>(f), state_ };
    if (c == nullptr) return CF_NO_MEMORY;
    if (state_ != nullptr) state_->retain(); // and none to the C future: it would never go
    return cf_future_add_done_callback(raw_, callback::run, c, callback::end);
  }

  /** For handles that the C interface has given, with a NULL state; takes the reference. */
  future(cf_future *raw, detail::state_base *state) noexcept : any_future(raw, state) {}

private:
  friend class promise<T>;

  /* Waits for the result: where it is, or NULL and a status for `why`. */
  stored *find(timeout limit, cf_status &status) const {
    const void *data;
    std::size_t size;
    status = cf_future_result(raw_, limit.nanoseconds(), &data, &size);
    if (status != CF_OK) return nullptr;
    status = CF_SIZE_MISMATCH; // if it is none
    if (state_ != nullptr) return static_cast<detail::state<T> *>(state_)->value(raw_);
    if constexpr (std::is_void_v<T>) {
      static stored nothing;
      return std::addressof(nothing);
    } else if constexpr (detail::bytes_only<stored>) {
      if (size == sizeof(stored)) return static_cast<stored *>(const_cast<void *>(data));
    }
    return nullptr;
  }

  [[gnu::cold, gnu::noinline]] cf::error why(cf_status status) const {
    cf::error e = detail::outcome(status, raw_);
    return status == CF_TASK_FAILED ? std::move(e).with_cause(cause()) : e;
  }
  [[noreturn, gnu::cold, gnu::noinline]] void fail(cf_status status) const {
    detail::raise(why(status));
  }

  stored &value(timeout limit) const {
    cf_status status;
    stored *found = find(limit, status);
    if (found == nullptr) fail(status);
    return *found;
  }

  template <class Access> cf::result<T> wrap(Access access, timeout limit) const {
    cf_status status;
    stored *found = find(limit, status);
    if (found == nullptr) return why(status);
    if constexpr (std::is_void_v<T>)
      return cf::result<T>();
    else
      return cf::result<T>(detail::unstore<T>(access(*found)));
  }
};

CFUTURES_END

/** Futures as keys of unordered containers, as in Python's `{future: url}`. */
template <class T> struct std::hash<cf::future<T>> {
  std::size_t operator()(const cf::future<T> &f) const noexcept {
    return std::hash<cf_future *>()(f.c_future());
  }
};
template <> struct std::hash<cf::any_future> {
  std::size_t operator()(const cf::any_future &f) const noexcept {
    return std::hash<cf_future *>()(f.c_future());
  }
};

#endif
