/**
 * @file cfutures/error.hpp
 * cf::error: why a call failed, as an exception and as a value.
 *
 * Made by the other headers from what the C interface says, and by tasks that fail on purpose.
 * Always true: an error owns all that it says; copying one does not throw.
 */
#ifndef CFUTURES_ERROR_HPP
#define CFUTURES_ERROR_HPP

#include <cfutures/config.hpp>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>

CFUTURES_BEGIN

/**
 * Why a call failed: a status, the task's own code, a message, and how a worker process died.
 *
 * What get() throws when the failure is not an exception of the task itself. Without exceptions it
 * is what a cf::result holds. It is no std::system_error, because code() is here, as in C and in
 * Python, the number that the task gave.
 *
 * Python: CancelledError, TimeoutError, BrokenProcessPool, or whatever a task of a process raised.
 *
 * @code{.cpp}
 * try {
 *   future.get();
 * } catch (const cf::error &e) {
 *   if (e.status() == CF_WORKER_DIED)
 *     std::printf("worker %d was killed by signal %d\n", e.pid(), e.signal());
 *   else
 *     std::puts(e.what());
 * }
 * @endcode
 */
class CFUTURES_SHARED error : public std::runtime_error {
public:
  /** A failure of which nothing is known but the status. */
  explicit error(cf_status status)
      : std::runtime_error(cf_status_message(status)), status_(status) {}

  /** A failure of this kind, in words that say more. */
  error(cf_status status, const std::string &message)
      : std::runtime_error(message), status_(status) {}

  /**
   * A failure of a task's own: thrown by the task, or returned in its cf::result.
   *
   * @code{.cpp}
   * auto f = pool.submit([](int n) -> cf::result<int> {
   *   if (n == 0) return cf::error(33, "division by zero");
   *   return 100 / n;
   * }, 0);
   * @endcode
   */
  error(std::int32_t code, const std::string &message)
      : std::runtime_error(message), status_(CF_TASK_FAILED), code_(code != 0 ? code : -1) {}

  /** What an error of the C interface says. NULL gives an error with the status CF_OK. */
  explicit error(const cf_error *detail)
      : std::runtime_error(text_of(detail)), status_(cf_error_status(detail)),
        code_(cf_error_code(detail)), pid_(cf_error_pid(detail)), signal_(cf_error_signal(detail)),
        exit_code_(cf_error_exit_code(detail)), index_(cf_error_index(detail)) {}

  /** Of which kind the failure is. */
  cf_status status() const noexcept { return status_; }
  /** The task's own code for CF_TASK_FAILED, errno for CF_OS_ERROR; see cf_error_code(). */
  std::int32_t code() const noexcept { return code_; }
  /** The same text as what(). */
  const char *message() const noexcept { return what(); }
  /** The process id of the worker that died; 0 when none did. */
  std::int32_t pid() const noexcept { return pid_; }
  /** The signal that killed the worker; 0 when none did. */
  std::int32_t signal() const noexcept { return signal_; }
  /** The exit code of the worker that died; -1 when it is not known. */
  std::int32_t exit_code() const noexcept { return exit_code_; }
  /** Which item of a map, or which first index of a piece of a loop, failed. */
  std::size_t index() const noexcept { return index_; }
  /** The exception that the task let out; null when there is none, and for processes. */
  const std::exception_ptr &cause() const noexcept { return cause_; }

  /** The same error, with the exception that is behind it. */
  error with_cause(std::exception_ptr cause) && {
    cause_ = std::move(cause);
    return std::move(*this);
  }
  /** The same error, as that of an item of a map. */
  error with_index(std::size_t index) && {
    index_ = index;
    return std::move(*this);
  }

private:
  static const char *text_of(const cf_error *detail) noexcept {
    const char *text = cf_error_message(detail);
    return *text != '\0' ? text : cf_status_message(cf_error_status(detail));
  }

  cf_status status_;
  std::int32_t code_ = 0;
  std::int32_t pid_ = 0;
  std::int32_t signal_ = 0;
  std::int32_t exit_code_ = -1;
  std::size_t index_ = 0;
  std::exception_ptr cause_;
};

namespace detail {

/* Throws the task's own exception if there is one, else the error; without exceptions, says what is
 * wrong and ends the program, as the standard library does. */
[[noreturn, gnu::cold, gnu::noinline]] inline void raise(const error &e) {
#if CFUTURES_EXCEPTIONS
  if (e.cause()) std::rethrow_exception(e.cause());
  throw e;
#else
  std::fprintf(stderr, "cfutures: %s: %s\n", cf_status_name(e.status()), e.what());
  std::abort();
#endif
}

[[noreturn, gnu::cold, gnu::noinline]] inline void raise_status(cf_status status) {
  raise(error(status));
}

inline void check(cf_status status) {
  if (status != CF_OK) raise_status(status);
}

/* The error that a call handed out, which is freed here; NULL when memory has run out. */
inline error take_error(cf_status status, cf_error *owned) {
  const std::unique_ptr<cf_error, void (*)(cf_error *)> kept(owned, cf_error_free);
  return owned != nullptr ? error(owned) : error(status);
}

/* Why the executor did not take a task. */
[[gnu::cold, gnu::noinline]] inline error refusal(cf_status status, const cf_executor *executor) {
  const cf_error *broken = status == CF_BROKEN_POOL ? cf_executor_error(executor) : nullptr;
  return broken != nullptr ? error(broken) : error(status);
}
[[noreturn, gnu::cold, gnu::noinline]] inline void raise_refusal(cf_status status,
                                                                 const cf_executor *executor) {
  raise(refusal(status, executor));
}

/* How a future ended, or why waiting for it has: an outcome that came only after the wait does not
 * count. */
inline error outcome(cf_status status, const cf_future *future) {
  const cf_error *failure = cf_future_error(future);
  return cf_error_status(failure) == status ? error(failure) : error(status);
}

/* What comes out of a task that fails, as the C interface takes it. It copies no text and so needs no
 * memory: a failure can be reported when there is none left. */
struct failure {
  std::int32_t code;
  const char *text; /* may be NULL */
  std::exception_ptr cause;

  static failure of(const error &why) noexcept {
    return { why.code() != 0 ? why.code() : 1, why.what(), why.cause() };
  }
  /* The same as an error that owns all. Throws when there is no memory. */
  error kept() const { return error(code, text != nullptr ? text : "").with_cause(cause); }
};

#if CFUTURES_EXCEPTIONS
/* Called in a catch clause: gives `fail` the exception, and what `fail` gives. */
template <class Fail> auto fail_with_exception(Fail &&fail) noexcept {
  const std::exception_ptr cause = std::current_exception();
  try {
    throw;
  } catch (const error &e) {
    return fail(failure{ failure::of(e).code, e.what(), cause });
  } catch (const std::exception &e) {
    return fail(failure{ 1, e.what(), cause });
  } catch (...) {
    return fail(failure{ 1, "an exception that is no std::exception", cause });
  }
}
#endif

} // namespace detail

CFUTURES_END

#endif
