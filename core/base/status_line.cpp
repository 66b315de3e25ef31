#include "core/base/status_line.hpp"

#include <cstdio>
#include <mutex>
#include <string>
#include <utility>

namespace farm::detail {
namespace {

std::mutex& mutex() {
  static auto& one = *new std::mutex;  // never destroyed, because threads may still log at the end of the process
  return one;
}
bool is_shown = false;  // guarded by mutex(), as is_ended is
bool is_ended = false;

void write(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void remove() {
  if (std::exchange(is_shown, false)) write("\r\033[K");
}

}  // namespace

void show_status_line(std::string_view text) noexcept try {
  std::scoped_lock const lock{mutex()};
  if (is_ended) return;
  is_shown = true;
  write(std::string{"\r"}.append(text).append("\033[K"));  // one write
} catch (...) {
  return;  // out of memory: the bar is not worth an error
}

void remove_status_line() noexcept {
  std::scoped_lock const lock{mutex()};
  remove();
}

void end_status_line() noexcept {
  std::scoped_lock const lock{mutex()};
  remove();
  is_ended = true;
}

}  // namespace farm::detail
