/**
 * @file cfutures/codec.hpp
 * How values travel to worker processes and back: as their bytes, or as a cf::codec writes them.
 *
 * Used by far.hpp. Always true: both ends run the same code, so bytes that do not fit show a codec
 * that is wrong; a reader gives zeros then, and the call fails with CF_SIZE_MISMATCH or a message.
 */
#ifndef CFUTURES_CODEC_HPP
#define CFUTURES_CODEC_HPP

#include <cfutures/task.hpp>

#include <array>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>
#if __has_include(<span>)
#include <span>
#endif

CFUTURES_BEGIN

/**
 * How a T is written as bytes and read again. To be specialised for types that are not trivially
 * copyable, which go as they lie in memory; std::string, std::vector, std::pair, std::tuple and
 * std::optional of what can travel have one.
 *
 * A value is written twice: once to learn the size, once into memory of that size.
 *
 * Python: `__reduce__`, by which a class is pickled.
 *
 * @code{.cpp}
 * struct picture { int width; std::vector<unsigned char> pixels; };
 *
 * template <> struct cf::codec<picture> {
 *   static void encode(const picture &p, cf::writer &out) { out.write(p.width), out.write(p.pixels); }
 *   static picture decode(cf::reader &in) {
 *     int width = in.read<int>(); // one after another: the order of arguments is not fixed
 *     return { width, in.read<std::vector<unsigned char>>() };
 *   }
 * };
 * @endcode
 */
template <class T, class = void> struct codec;

/** What a codec writes to. */
class writer {
public:
  /** Measures only: writes nowhere. */
  writer() noexcept = default;
  /** Writes into memory of this size. */
  writer(void *memory, std::size_t size) noexcept
      : memory_(static_cast<unsigned char *>(memory)), room_(size) {}

  /** Writes a value by its codec. */
  template <class T> void write(const T &value) { codec<T>::encode(value, *this); }
  /** Writes bytes. */
  void bytes(const void *data, std::size_t size) noexcept {
    if (size != 0 && size_ <= room_ && size <= room_ - size_)
      std::memcpy(memory_ + size_, data, size);
    size_ += size;
  }
  /** How many bytes have been written, or would have been. */
  std::size_t size() const noexcept { return size_; }

private:
  unsigned char *memory_ = nullptr;
  std::size_t room_ = 0, size_ = 0;
};

/** What a codec reads from. */
class reader {
public:
  /** Reads from these bytes, which stay where they are. */
  reader(const void *data, std::size_t size) noexcept
      : at_(static_cast<const unsigned char *>(data)), left_(size) {}

  /** Reads a value by its codec. */
  template <class T> T read() { return codec<T>::decode(*this); }
  /** Reads bytes; zeros if there are too few. */
  void bytes(void *to, std::size_t size) noexcept {
    if (size > left_) fail();
    if (size == 0) return;
    if (failed_)
      std::memset(to, 0, size);
    else
      std::memcpy(to, at_, size);
    at_ += failed_ ? 0 : size;
    left_ -= failed_ ? 0 : size;
  }
  /** Reads a number of items that take at least item_size bytes each; 0 if they cannot be there. */
  std::size_t count(std::size_t item_size) noexcept {
    std::size_t n = 0;
    bytes(&n, sizeof n);
    if (item_size != 0 && n > left_ / item_size) fail();
    return failed_ ? 0 : n;
  }
  /** For a codec that finds nonsense: nothing more is read, and the call fails. */
  void fail() noexcept {
    failed_ = true;
    left_ = 0;
  }
  /** Whether there was nonsense, or there were too few bytes. */
  bool failed() const noexcept { return failed_; }
  /** Whether all bytes have been read, and no more. */
  bool complete() const noexcept { return !failed_ && left_ == 0; }

private:
  const unsigned char *at_;
  std::size_t left_;
  bool failed_ = false;
};

namespace detail {

/* Trivially copyable, but only an address: it would arrive and lead nowhere. */
template <class T>
inline constexpr bool address_only =
    std::is_pointer_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>;
template <class T> inline constexpr bool address_only<std::reference_wrapper<T>> = true;
template <class T> inline constexpr bool address_only<std::optional<T>> = address_only<T>;
template <class T, std::size_t N>
inline constexpr bool address_only<std::array<T, N>> = address_only<T>;
template <class C, class Traits>
inline constexpr bool address_only<std::basic_string_view<C, Traits>> = true;
template <class T> inline constexpr bool address_only<std::initializer_list<T>> = true;
/* Their categories are objects of a library, which each process may have elsewhere. */
template <> inline constexpr bool address_only<std::error_code> = true;
template <> inline constexpr bool address_only<std::error_condition> = true;
#if defined(__cpp_lib_span)
template <class T, std::size_t N> inline constexpr bool address_only<std::span<T, N>> = true;
#endif

template <class T, class = void> inline constexpr bool travels = false;
template <class T>
inline constexpr bool travels<T, std::void_t<decltype(codec<T>::encode(
                                     std::declval<const T &>(), std::declval<writer &>()))>> = true;

/* Goes as it lies in memory, without a codec of its own. */
template <class T, class = void> inline constexpr bool plain = false;
template <class T>
inline constexpr bool plain<T, std::void_t<decltype(codec<T>::as_it_is)>> = bytes_only<T>;

/* The bytes themselves; of other types there is nothing. */
template <class T, bool = std::is_trivially_copyable_v<T> && !address_only<T>>
struct bytes_codec {};
template <class T> struct bytes_codec<T, true> {
  static constexpr bool as_it_is = true;
  static void encode(const T &value, writer &out) noexcept {
    out.bytes(std::addressof(value), sizeof value);
  }
  static T decode(reader &in) noexcept {
    alignas(T) unsigned char memory[sizeof(T)]; // a T may have no default constructor
    in.bytes(memory, sizeof memory);
    return *std::launder(reinterpret_cast<T *>(memory));
  }
};

} // namespace detail

/* Here and no specialisation, so that one of a program's own is never as good as this. */
template <class T, class> struct codec : detail::bytes_codec<T> {};

/** The number of characters, and the characters. */
template <class C, class Traits, class A> struct codec<std::basic_string<C, Traits, A>> {
  static void encode(const std::basic_string<C, Traits, A> &text, writer &out) noexcept {
    out.write(text.size());
    out.bytes(text.data(), text.size() * sizeof(C));
  }
  static std::basic_string<C, Traits, A> decode(reader &in) {
    std::basic_string<C, Traits, A> text(in.count(sizeof(C)), C());
    in.bytes(text.data(), text.size() * sizeof(C));
    return text;
  }
};

/** The number of items, and the items: at once if they are plain bytes, else one by one. */
template <class T, class A> struct codec<std::vector<T, A>, std::enable_if_t<detail::travels<T>>> {
  /* Items of a vector<bool> are no objects. */
  static constexpr bool at_once =
      detail::plain<T> && std::is_default_constructible_v<T> && !std::is_same_v<T, bool>;
  static void encode(const std::vector<T, A> &items, writer &out) {
    out.write(items.size());
    if constexpr (at_once)
      out.bytes(items.data(), items.size() * sizeof(T));
    else
      for (const T &item : items) out.write(item);
  }
  static std::vector<T, A> decode(reader &in) {
    std::vector<T, A> items;
    if constexpr (at_once) {
      items.resize(in.count(sizeof(T)));
      in.bytes(items.data(), items.size() * sizeof(T));
    } else {
      for (std::size_t n = in.count(0); n != 0 && !in.failed(); n--) items.push_back(in.read<T>());
    }
    return items;
  }
};

/** One member after another. */
template <class A, class B>
struct codec<std::pair<A, B>, std::enable_if_t<!std::is_trivially_copyable_v<std::pair<A, B>> &&
                                               detail::travels<A> && detail::travels<B>>> {
  static void encode(const std::pair<A, B> &both, writer &out) {
    out.write(both.first);
    out.write(both.second);
  }
  static std::pair<A, B> decode(reader &in) {
    return std::pair<A, B>{ in.read<A>(), in.read<B>() };
  }
};
template <class... Ts>
struct codec<std::tuple<Ts...>, std::enable_if_t<!std::is_trivially_copyable_v<std::tuple<Ts...>> &&
                                                 (... && detail::travels<Ts>)>> {
  static void encode(const std::tuple<Ts...> &all, writer &out) {
    std::apply([&](const Ts &...one) { (..., out.write(one)); }, all);
  }
  static std::tuple<Ts...> decode(reader &in) { return std::tuple<Ts...>{ in.read<Ts>()... }; }
};

/** Whether there is a value, and the value. */
template <class T>
struct codec<std::optional<T>, std::enable_if_t<!std::is_trivially_copyable_v<std::optional<T>> &&
                                                detail::travels<T>>> {
  static void encode(const std::optional<T> &maybe, writer &out) {
    out.write(static_cast<unsigned char>(maybe.has_value()));
    if (maybe) out.write(*maybe);
  }
  static std::optional<T> decode(reader &in) {
    if (in.read<unsigned char>() == 0) return std::nullopt; // any byte is a number, not so a bool
    return in.read<T>();
  }
};

CFUTURES_END

#endif
