/*
 * Shows: the headers bear a program that has macros and functions of the names that they use, and
 * what only newer standards have. The third file of the program in first.cpp.
 */
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <tuple>
#include <variant>
#include <vector>
#if defined(__cpp_impl_coroutine)
#include <coroutine>
#endif
#if __has_include(<span>)
#include <span>
#endif

#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define major(number) (number)
#define minor(number) (number)
#define free(memory) no_such_function(memory)

#include <cfutures.hpp>

#undef min
#undef max

namespace hijack {

struct value {
  int number;
  std::string text;
};

/* Found by the types of the arguments wherever one of these is called without its namespace. */
template <class... Any> void answer(Any &&...) = delete;
template <class... Any> void call(Any &&...) = delete;
template <class... Any> void call_parts(Any &&...) = delete;
template <class... Any> void encode(Any &&...) = delete;
template <class... Any> void guarded(Any &&...) = delete;
template <class... Any> void guarded_answer(Any &&...) = delete;
template <class... Any> void invoke(Any &&...) = delete;
template <class First, class... Any> void item_at(Any &&...) = delete;
template <class... Any> void refusal(Any &&...) = delete;
template <class... Any> void submit(Any &&...) = delete;
template <class... Any> void swap(Any &&...) = delete;
template <class First, class... Any> void unstore(Any &&...) = delete;
template <class... Any> void zip(Any &&...) = delete;

static value twice(const value &v) { return { 2 * v.number, v.text + v.text }; }
static bool is_twice(const value &v) { return v.number == 2 && v.text == "abab"; }

} // namespace hijack

template <> struct cf::codec<hijack::value> {
  static void encode(const hijack::value &v, cf::writer &out) {
    out.write(v.number);
    out.write(v.text);
  }
  static hijack::value decode(cf::reader &in) {
    const int number = in.read<int>();
    return { number, in.read<std::string>() };
  }
};

#if defined(__cpp_lib_concepts)
/* An iterator as C++20 has them: of no category, and gone once it has moved. */
struct countdown {
  using value_type = int;
  using difference_type = std::ptrdiff_t;
  int left;
  int operator*() const { return left; }
  countdown &operator++() {
    --left;
    return *this;
  }
  void operator++(int) { --left; }
  bool operator==(std::default_sentinel_t) const { return left == 0; }
};
struct counting_down {
  countdown begin() const { return { 3 }; }
  std::default_sentinel_t end() const { return {}; }
};

static bool maps_newer_ranges(cf::thread_pool &pool) {
  return pool.map([](int n) { return 2 * n; }, counting_down()).get() ==
         std::vector<int>({ 6, 4, 2 });
}
#else
static bool maps_newer_ranges(cf::thread_pool &) { return true; }
#endif

static bool submits_newer_functions(cf::process_pool &pool) {
#if defined(__cpp_static_call_operator)
  return pool.submit(
                 [](int n) static { return n + 1; }, short(4))
             .get() == 5;
#else
  return pool.submit([](int n) { return n + 1; }, short(4)).get() == 5;
#endif
}

bool bears_a_hostile_program(cf::thread_pool &pool, cf::process_pool &processes);
bool bears_a_hostile_program(cf::thread_pool &pool, cf::process_pool &processes) {
  using hijack::is_twice;
  const hijack::value one = { 1, "ab" };
  const std::vector<hijack::value> all(3, one);
  int seen = 0;
  pool.for_range(0, 1, [&seen](std::size_t) { seen++; });
  cf::promise<hijack::value> p;
  p.set_value(hijack::twice(one));
  return is_twice(pool.submit(hijack::twice, one).get()) &&
         is_twice(pool.map(hijack::twice, all).get()[2]) &&
         is_twice(processes.submit(hijack::twice, one).get()) &&
         is_twice(processes.map(hijack::twice, all).get()[2]) &&
         is_twice(p.get_future().result().value()) && seen == 1 && maps_newer_ranges(pool) &&
         submits_newer_functions(processes);
}
