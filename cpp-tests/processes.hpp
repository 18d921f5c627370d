/*
 * What the suites over processes have in common: pools of the kind under test, and types with codecs
 * that are right and wrong.
 */
#ifndef CFUTURES_CPP_PROCESSES_HPP
#define CFUTURES_CPP_PROCESSES_HPP

#include "check.hpp"

#include <thread>
#include <unistd.h>

inline cf::process_options process_options() {
  return cf::process_options().max_workers(2).name("crew").start_method(check::start_method());
}
inline cf::process_pool process_pool() { return cf::process_pool(process_options()); }

inline int getpid_of_worker() { return int(getpid()); }

struct picture {
  int width;
  std::vector<unsigned char> pixels;
};
template <> struct cf::codec<picture> {
  static void encode(const picture &p, cf::writer &out) {
    out.write(p.width);
    out.write(p.pixels);
  }
  static picture decode(cf::reader &in) {
    const int width = in.read<int>();
    return { width, in.read<std::vector<unsigned char>>() };
  }
};

/* Trivially copyable, with a codec for all of its kind, which is taken nevertheless. */
template <class T> struct boxed { T value; };
template <class T> struct cf::codec<boxed<T>> {
  static void encode(const boxed<T> &b, cf::writer &out) { out.write(T(b.value + 1)); }
  static boxed<T> decode(cf::reader &in) { return { in.read<T>() }; }
};

/* Takes no bytes at all. */
struct nothing {
  nothing() {}
  nothing(const nothing &) {}
};
template <> struct cf::codec<nothing> {
  static void encode(const nothing &, cf::writer &) {}
  static nothing decode(cf::reader &) { return {}; }
};

/* Reads more than it has written. */
struct liar {
  int value;
};
template <> struct cf::codec<liar> {
  static void encode(const liar &l, cf::writer &out) { out.write(l.value); }
  static liar decode(cf::reader &in) { return { in.read<int>() + int(in.read<long>()) }; }
};

/* Writes more the second time. */
struct fickle {};
template <> struct cf::codec<fickle> {
  static void encode(const fickle &, cf::writer &out) {
    static int times = 0;
    for (int i = times++; i >= 0; i--) out.write(i);
  }
  static fickle decode(cf::reader &) { return {}; }
};

#endif
