#include "spawn/isolation/stream_states.hpp"

#include <stdio_ext.h>
#include <cstdio>
#include <cstring>
#include <cwchar>
#include <iostream>
#include <utility>

namespace farm::detail {
namespace {

/// Returns whether the C++ streams are synchronized with those of C. With `true` the function changes nothing.
bool is_synced() { return std::ios::sync_with_stdio(true); }

bool is_wide(std::FILE* file) {
#ifdef __GLIBC__
  return file->_mode > 0;  // as fwide() does, without a call
#else
  return std::fwide(file, 0) > 0;
#endif
}

bool is_line_buffered(std::FILE* file) {
#ifdef __GLIBC__
  constexpr int line_buffered = 0x200;  // what __flbf looks at
  return (file->_flags & line_buffered) != 0;
#else
  return __flbf(file) != 0;
#endif
}

bool has_ended_or_failed(std::FILE* file) { return feof_unlocked(file) != 0 || ferror_unlocked(file) != 0; }

/// Only opening it anew makes a stream of wide characters one of narrow characters.
void make_narrow(std::FILE* file) {
  std::fflush(file);
  static_cast<void>(std::freopen("/dev/null", "w", file));
}

}  // namespace

StreamStates::StreamStates()
    : states_{state_of(std::cout), state_of(std::cerr), state_of(std::clog), state_of(std::cin)},
      buffers_(buffers()),
      synced_(is_synced()),
      line_buffered_(is_line_buffered(stdout)),
      out_was_wide_(is_wide(stdout)),
      errors_were_wide_(is_wide(stderr)) {}

StreamStates::Buffers StreamStates::buffers() {
  return {std::cout.rdbuf(), std::cerr.rdbuf(), std::clog.rdbuf(), std::cin.rdbuf()};
}

StreamStates::State StreamStates::state_of(std::ios& stream) {
  return {&stream,      stream.flags(),  stream.precision(), stream.width(), stream.fill(), stream.exceptions(),
          stream.tie(), stream.getloc(), image_of(stream)};
}

StreamStates::Image StreamStates::image_of(std::ios const& stream) {
  Image image{};
  std::memcpy(image.data(), static_cast<void const*>(&stream), sizeof image);
  return image;
}

void StreamStates::restore_buffers() {
  auto const now = buffers();
  if (now == buffers_) return;
  if (std::exchange(synced_, is_synced()) != synced_) {  // sync_with_stdio() has destroyed the buffers before
    buffers_ = now;
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (now.at(i) != buffers_.at(i)) states_.at(i).stream->rdbuf(buffers_.at(i));
  }
}

/// With libstdc++ on 64 bits, words 1 to 4 hold precision, width, flags, exceptions and state, and words 26 to 29 the
/// locale, the tied stream, fill and the buffer. Between them is what iword() and pword() return. `unit_stream_states`
/// fails if a library has another order.
bool StreamStates::has_changed(State const& state) {
  auto const* const now = reinterpret_cast<std::byte const*>(state.stream);
  auto const differs = [&](std::size_t begin, std::size_t end) {
    Word difference = 0;
    for (std::size_t i = begin; i < end; ++i) {
      Word word = 0;
      std::memcpy(&word, now + i * sizeof word, sizeof word);
      difference |= word ^ state.image[i];
    }
    return difference;
  };
#if defined(__GLIBCXX__) && __SIZEOF_POINTER__ == 8
  static_assert(sizeof(std::ios) == 264);
  return (differs(1, 5) | differs(26, 30)) != 0;
#else
  return differs(0, state.image.size()) != 0;
#endif
}

bool StreamStates::have_changed() const {
  return has_changed(states_[0]) || has_changed(states_[1]) || has_changed(states_[2]) || has_changed(states_[3]) ||
         has_ended_or_failed(stdin) || has_ended_or_failed(stdout) || line_buffered_ != is_line_buffered(stdout) ||
         is_wide(stdout) != out_was_wide_ || is_wide(stderr) != errors_were_wide_;
}

void StreamStates::restore() {
  restore_cpp_streams();
  restore_c_streams();
}

void StreamStates::restore_cpp_streams() {
  for (auto& before : states_) {
    auto& stream = *before.stream;
    if (!stream.good()) stream.clear();
    if (stream.flags() != before.flags) stream.flags(before.flags);
    if (stream.precision() != before.precision) stream.precision(before.precision);
    if (stream.width() != before.width) stream.width(before.width);
    if (stream.fill() != before.fill) stream.fill(before.fill);
    if (stream.tie() != before.tie) stream.tie(before.tie);
    if (stream.exceptions() != before.exceptions) stream.exceptions(before.exceptions);
    if (stream.getloc() != before.locale) stream.imbue(before.locale);
    before.image = image_of(stream);  // stream.iword() and its like are not restored
  }
}

void StreamStates::restore_c_streams() const {
  if (is_wide(stdout) && !out_was_wide_) make_narrow(stdout);
  if (is_wide(stderr) && !errors_were_wide_) {
    make_narrow(stderr);
    std::setvbuf(stderr, nullptr, _IONBF, 0);
  }
  for (auto* const file : {stdin, stdout}) {
    if (has_ended_or_failed(file)) std::clearerr(file);
  }
  if (line_buffered_ && !is_line_buffered(stdout)) std::setvbuf(stdout, nullptr, _IOLBF, 0);
}

}  // namespace farm::detail
