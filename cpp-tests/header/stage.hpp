/*
 * What the examples in the comments of the C++ headers may use without declaring it.
 *
 * Included by the program that docs/tools/stage_cpp.py makes of them: examples that are statements become
 * the body of a member function of one of the stages below, so that they see its members.
 */
#ifndef CFUTURES_EXAMPLE_STAGE_HPP
#define CFUTURES_EXAMPLE_STAGE_HPP

#include <cfutures.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

using namespace std::chrono_literals;

struct page {
  std::string text;
  std::size_t size() const { return text.size(); }
};
struct buffer : page {};

inline std::string load(const std::string &url) { return "<p>" + url; }
inline std::size_t count(const std::string &text) { return text.size(); }
inline void fetch(const std::string &url) { load(url); }
inline std::unique_ptr<page> parse(const std::string &text) {
  return std::make_unique<page>(page{ text });
}
inline double root(int n) { return std::sqrt(n); }
inline float shade(std::size_t i) { return static_cast<float>(i) / 2; }
inline int decode(const std::string &path) { return static_cast<int>(path.size()); }
inline std::vector<double> solve(const std::vector<double> &coefficients) { return coefficients; }
inline bool is_prime(std::uint64_t n) { return n % 2 != 0; }

struct stage {
  cf::thread_pool pool{ 2 };
  cf::future<int> future = pool.submit([] { return 49; });
  std::vector<cf::future<int>> futures = { future, pool.submit([] { return 64; }) };
  std::vector<int> numbers = { 1, 4, 9 }, xs = { 1, 2 }, ys = { 3, 4 };
  std::vector<float> pixels = std::vector<float>(1000);
  std::string url = "a.html", text = "some text";
  std::vector<std::string> urls = { "a.html", "b.html" };
  double total = 0;
  struct {
    template <class F> void on_reply(F &&reply) { reply(std::string("a reply")); }
  } connection;
};

struct stage_of_pages : stage {
  std::vector<cf::future<page>> futures = { pool.submit([] { return page{ "a" }; }) };
};

struct stage_of_processes {
  cf::process_pool pool{ 2 };
};

#endif
