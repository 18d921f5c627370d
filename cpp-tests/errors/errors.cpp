/*
 * Code that must not compile, one case for each value of CASE. The compiler has to say what stands
 * beside the case, see CMakeLists.txt; without CASE everything compiles. Called by compile.cmake.
 */
#include <cfutures.hpp>

#ifndef CASE
#define CASE 0
#endif

namespace {

struct opaque {
  opaque() = default;
  opaque(const opaque &) {}
};

struct no_default {
  explicit no_default(int);
};

[[maybe_unused]] void use(cf::thread_pool &threads, cf::process_pool &processes,
                          std::string &text) {
  (void)threads, (void)processes, (void)text;
#if CASE == 1
  processes.submit([&text] { return text.size(); });
#elif CASE == 2
  processes.submit([](const char *s) { return s[0]; }, "text");
#elif CASE == 3
  processes.submit([](const opaque &) {}, opaque());
#elif CASE == 4
  processes.submit([] { return opaque(); });
#elif CASE == 5
  processes.submit([] { return "text"; });
#elif CASE == 6
  processes.submit([](int) {}, 1, 2);
#elif CASE == 7
  processes.submit([](std::string_view s) { return s.size(); }, text);
#elif CASE == 8
  processes.map([&text](int) { return text.size(); }, std::vector<int>{ 1 });
#elif CASE == 9
  cf::process_options().initializer([&text] {});
#elif CASE == 10
  threads.submit([](int &) {}, 1);
#elif CASE == 11
  threads.map([](int, int) {}, std::vector<int>{ 1 });
#elif CASE == 12
  threads.for_range(0, 1, [] {});
#elif CASE == 13
  cf::thread_options().initializer([text] {});
#elif CASE == 14
  cf::wait(std::vector<int>{ 1 });
#elif CASE == 15
  threads.submit([] {}).add_done_callback([](int) {});
#elif CASE == 16
  processes.shared_alloc<std::string>(1);
#elif CASE == 17
  processes.submit(std::ref(text), 1);
#elif CASE == 18
  processes.submit([](std::vector<char *> v) { return v.size(); }, std::vector<char *>());
#elif CASE == 19
  processes.submit([](std::initializer_list<int> all) { return all.size(); },
                   std::initializer_list<int>());
#elif CASE == 20
  cf::promise<const int &>().set_value(1);
#elif CASE == 21
  threads.submit([] { return cf::error(CF_TIMEOUT); });
#elif CASE == 22
  threads.submit([] { return std::mutex(); });
#elif CASE == 23
  processes.shared_alloc<no_default>(1);
#endif
}

} // namespace
