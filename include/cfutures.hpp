/**
 * @file cfutures.hpp
 * Python's concurrent.futures for C++17 and newer, on top of <cfutures.h>.
 *
 * @code{.cpp}
 * #include <cfutures.hpp>
 * #include <cstdio>
 * #include <vector>
 *
 * int main() {
 *   cf::thread_pool pool;
 *   cf::future<int> answer = pool.submit([](int a, int b) { return a * b; }, 6, 7);
 *   std::printf("%d\n", answer.get());
 *   for (int square : pool.map([](int n) { return n * n; }, std::vector<int>{ 1, 2, 3 }))
 *     std::printf("%d\n", square);
 * }
 * @endcode
 *
 * Header only; link with -lcfutures. The names are those of Python and of the C interface:
 *
 *   cf::thread_pool          any callable, any arguments; exceptions come out of get()
 *   cf::process_pool         functions and values that can travel; crashes come out of get()
 *   cf::future<T>            a handle, shared as in Python; cf::any_future for several types
 *   cf::wait, as_completed   many futures at once
 *   cf::promise<T>           a future completed by hand
 *   cf::error, result<T>     what get() throws; the same without exceptions
 *   cf::timeout, forever     any std::chrono duration or point of time
 *   cf::codec<T>             how a type travels to a worker process
 *   co_await future          in C++20; co_await as_result(future) gives a result<T>
 *
 * # Conventions
 *
 * - What can fail throws cf::error, or the task's own exception. Beside it stands a function that
 *   returns the failure: try_submit() beside submit(), make() beside a constructor, result() beside
 *   get(). It lets out only what the program's own types throw when they are copied, moved or encoded,
 *   and std::bad_alloc. Compiled with -fno-exceptions the first kind ends the program where it would
 *   throw.
 * - A callable and its arguments end exactly once, also when the task never runs: cancelled, shut
 *   down, or not accepted.
 * - What <cfutures.h> says about threads, waiting inside a pool, processes and forks holds here.
 *   c_future() and c_executor() lead to whatever the C interface has and this one does not.
 */
#ifndef CFUTURES_HPP
#define CFUTURES_HPP

#include <cfutures/coroutine.hpp>
#include <cfutures/process_pool.hpp>
#include <cfutures/thread_pool.hpp>
#include <cfutures/wait.hpp>

#endif
