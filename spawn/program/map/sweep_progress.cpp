#include "spawn/program/map/sweep_progress.hpp"

#include "core/base/status_line.hpp"
#include "spawn/environment/terminal.hpp"
#include "spawn/program/output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The time between two drawings of the bar.
constexpr auto bar_interval = 100ms;

std::string clock_text(double seconds) {
  auto const whole = static_cast<long long>(std::min(seconds, 1e9));
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

/// Returns the inputs that have ended, with the parts of those that run.
double ended(SweepProgress const& progress) {
  return static_cast<double>(progress.done + progress.failed) + progress.running_progress;
}

/// The part after the number of inputs.
std::string rest_text(SweepProgress const& progress) {
  auto text = fmt::format("{} failed, {} running", progress.failed, progress.running);
  if (progress.running > 0 && progress.running_progress > 0) {
    auto const mean = progress.running_progress / static_cast<double>(progress.running);
    text += fmt::format(" (at {:.0f}%)", 100 * mean);
  }
  auto const finished = ended(progress);
  if (finished == 0 || progress.elapsed.count() <= 0) return text;
  double const rate = finished / progress.elapsed.count();
  text += rate >= 0.1 ? fmt::format(", {:.3g}/s", rate) : fmt::format(", {:.3g}/h", 3600 * rate);
  if (!progress.is_total_known) return text;
  auto const left = std::max(static_cast<double>(progress.total) - finished, 0.0);
  return text + fmt::format(", about {} left", clock_text(left / rate));
}

}  // namespace

std::string SweepProgress::text() const {
  return fmt::format("{} of {}{} done, {}", done, total, is_total_known ? "" : " so far", rest_text(*this));
}

SweepBar::SweepBar(bool is_quiet, std::chrono::nanoseconds line_interval)
    : columns_(is_quiet ? 0 : terminal_columns()),
      interval_(columns_ > 0 ? bar_interval : line_interval),
      next_(is_quiet ? Clock::time_point::max() : Clock::now() + (columns_ > 0 ? 0ns : interval_)) {}

void SweepBar::show_now(SweepProgress const& progress) {
  next_ = Clock::now() + interval_;
  if (columns_ == 0) {
    print_error_line(progress.text());
    return;
  }
  is_drawn_ = true;
  show_status_line(bar(progress));
}

/// Returns the bar with its numbers, of which a narrow terminal shows the beginning.
std::string SweepBar::bar(SweepProgress const& progress) const {
  auto const numbers = fmt::format(" {}/{} done, {}", progress.done, progress.total, rest_text(progress));
  auto const room = static_cast<std::size_t>(columns_) - 1;  // a full line would wrap
  auto const width = room > numbers.size() + 6 ? std::min<std::size_t>(room - numbers.size() - 2, 30) : 0;
  if (width == 0) return numbers.substr(1, room);
  auto const share = progress.total == 0 ? 0 : std::min(ended(progress) / static_cast<double>(progress.total), 1.0);
  auto const filled = static_cast<std::size_t>(share * static_cast<double>(width));
  return fmt::format("[{:=<{}}{: <{}}]{}", "", filled, "", width - filled, numbers);
}

void SweepBar::clear() {
  if (!std::exchange(is_drawn_, false)) return;
  remove_status_line();
  next_ = Clock::now();
}

}  // namespace farm::detail
