#include <farm/progress_bar.hpp>

#include "core/base/status_line.hpp"
#include "spawn/environment/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <utility>

namespace farm {
namespace {

using namespace std::chrono_literals;

/// The time between two lines if the standard error is not a terminal.
constexpr auto line_interval = 30s;

/// Returns "12:34", or "1:02:03" from an hour on.
std::string text_of_time(std::chrono::duration<double> time) {
  auto const seconds = static_cast<std::int64_t>(time.count());
  if (seconds < 3600) return fmt::format("{}:{:02}", seconds / 60, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
}

}  // namespace

ProgressBar::ProgressBar(std::string title)
    : title_(std::move(title)), columns_(detail::terminal_columns()), began_(Clock::now()), written_(began_) {}

ProgressBar::ProgressBar(ProgressBar const& other) : ProgressBar(other.title_) {}

ProgressBar::~ProgressBar() {
  if (is_drawn_) detail::remove_status_line();
}

void ProgressBar::operator()(Progress const& progress) {
  auto const now = Clock::now();
  if (columns_ > 0) {
    draw(progress, now);
    return;
  }
  bool const is_done = progress.total != 0 && progress.done >= progress.total;
  if (!is_done && now - written_ < line_interval) return;
  written_ = now;
  auto const line = fmt::format("{}: {}\n", title_, numbers(progress, now));
  std::fwrite(line.data(), 1, line.size(), stderr);
}

/// Returns "17/100, 2 failed, 4 running, 0:41, about 3:10 left".
std::string ProgressBar::numbers(Progress const& progress, Clock::time_point now) const {
  auto text = fmt::format("{}/{}", progress.done, progress.total);
  if (progress.failed != 0) text += fmt::format(", {} failed", progress.failed);
  if (progress.running != 0 && progress.done < progress.total) text += fmt::format(", {} running", progress.running);
  std::chrono::duration<double> const elapsed = now - began_;
  text += ", " + text_of_time(elapsed);
  if (progress.done != 0 && progress.done < progress.total) {
    auto const left = static_cast<double>(progress.total - progress.done) / static_cast<double>(progress.done);
    text += fmt::format(", about {} left", text_of_time(elapsed * left));
  }
  return text;
}

void ProgressBar::draw(Progress const& progress, Clock::time_point now) {
  if (progress.done >= progress.total) {
    if (std::exchange(is_drawn_, false)) detail::remove_status_line();
    return;
  }
  if (is_drawn_ && now - written_ < 50ms) return;
  written_ = now;
  is_drawn_ = true;
  auto const text = numbers(progress, now);
  auto const room = static_cast<std::size_t>(columns_);
  auto const used = title_.size() + text.size() + 5;
  auto const width = std::min<std::size_t>(room > used ? room - used : 0, 40);
  auto line = title_ + ' ';
  if (width >= 5) {
    auto const filled = width * progress.done / progress.total;
    line += fmt::format("[{:=<{}}{: <{}}] ", "", filled, "", width - filled);
  }
  line += text;
  line.resize(std::min(line.size(), room - 1));  // a longer line would wrap, and could not be redrawn in place
  detail::show_status_line(line);
}

}  // namespace farm
