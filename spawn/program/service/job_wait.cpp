#include "spawn/program/service/job_wait.hpp"

#include "core/base/status_line.hpp"
#include "spawn/environment/terminal.hpp"
#include "spawn/program/map/sweep_progress.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/service/shown_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// What the handler of the signals prints. It is written before they are handled.
std::array<char, 512> farewell{};
std::size_t farewell_length = 0;

void leave(int signal) {
  // a terminal has a progress bar in this line
  static constexpr std::array<char, 5> erase{'\r', '\x1b', '[', 'K', '\0'};
  if (isatty(STDERR_FILENO) != 0) static_cast<void>(!write(STDERR_FILENO, erase.data(), 4));
  static_cast<void>(!write(STDERR_FILENO, farewell.data(), farewell_length));
  _exit(128 + signal);
}

/// While it exists, the signals that end this program say that the jobs go on.
class Farewell {
 public:
  explicit Farewell(std::vector<std::uint64_t> const& jobs) {
    constexpr std::size_t most = 20;
    auto const shown = fmt::format("{}{}", fmt::join(std::span{jobs}.first(std::min(jobs.size(), most)), ","),
                                   jobs.size() > most ? ",..." : "");
    auto const text = jobs.size() == 1
                          ? fmt::format("interrupted: job {0} goes on; farm job wait {0} waits again\n", shown)
                          : fmt::format("interrupted: jobs {} go on\n", shown);
    farewell_length = std::min(text.size(), farewell.size());
    std::copy_n(text.begin(), farewell_length, farewell.begin());
    struct sigaction action {};
    action.sa_handler = leave;
    for (std::size_t i = 0; i < signals.size(); ++i) {
      sigaction(signals[i], nullptr, &before_[i]);
      if (before_[i].sa_handler != SIG_IGN) sigaction(signals[i], &action, nullptr);  // nohup
    }
  }
  Farewell(Farewell const&) = delete;
  Farewell& operator=(Farewell const&) = delete;
  ~Farewell() {
    for (std::size_t i = 0; i < signals.size(); ++i) sigaction(signals[i], &before_[i], nullptr);
  }

 private:
  static constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};
  std::array<struct sigaction, 3> before_{};
};

/// Adds up the jobs.
class Watched {
 public:
  void set(JobReply job) { jobs_[job.job] = std::move(job); }

  [[nodiscard]] SweepProgress progress() const {
    SweepProgress sum{.elapsed = std::chrono::steady_clock::now() - begin_};
    for (auto const& [number, job] : jobs_) {
      sum.done += job.count(TaskState::finished);
      sum.failed += job.count(TaskState::failed) + job.count(TaskState::cancelled);
      sum.running += job.count(TaskState::running);
      sum.total += job.tasks;
    }
    return sum;
  }

 private:
  std::map<std::uint64_t, JobReply> jobs_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

}  // namespace

std::string summary_of(JobReply const& job) {
  auto text = fmt::format("job {}: {} finished", job.job, job.count(TaskState::finished));
  for (auto const state : {TaskState::failed, TaskState::cancelled}) {
    if (job.count(state) > 0) text += fmt::format(", {} {}", job.count(state), word_of(state));
  }
  if (!job.first_error) return text;
  auto const& error = *job.first_error;
  text += error.task ? fmt::format("; first error: task {}.{}", job.job, *error.task) : std::string{"; first error"};
  if (!error.host.empty()) text += fmt::format(" on {}", one_line(error.host));
  return text + fmt::format(": {}{}{}", one_line(error.type), error.type.empty() ? "" : ": ", one_line(error.text));
}

int wait_for_jobs(Requests& requests, std::vector<std::uint64_t> const& jobs, WaitOptions options) {
  Farewell const farewell_of_jobs{jobs};
  constexpr int seconds_at_once = 30;
  int status = 0;
  Watched watched;
  SweepBar bar{!options.shows_progress, 30s};
  if (options.shows_progress) {
    for (auto const number : jobs) watched.set(requests.job(number));
  }
  for (auto const number : jobs) {
    for (;;) {
      auto const job = requests.wait(number, options.shows_progress ? 1 : seconds_at_once);
      watched.set(job);
      bar.show([&] { return watched.progress(); });
      if (!has_ended(job.state)) continue;
      if (job.state != TaskState::finished) status = 1;
      // scripts may read both outputs as one, and expect nothing but results if all went well
      bool const is_news = job.state != TaskState::finished || terminal_columns() > 0;
      if (!options.is_quiet && is_news) {
        bar.clear();
        print_error_line(summary_of(job));
      }
      break;
    }
  }
  return status;
}

}  // namespace farm::detail
