#include <farm/service_job.hpp>

#include "spawn/service/client/client_core.hpp"
#include "spawn/service/client/job_info.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>

namespace farm {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The server holds a request back for so long at most.
constexpr int seconds_at_once = 30;

}  // namespace

namespace detail {

JobInfo job_info(JobReply const& job) {
  JobInfo info{.number = job.job,
               .name = job.name,
               .state = static_cast<JobState>(job.state),
               .tasks = job.tasks,
               .waiting = job.count(TaskState::waiting) + job.count(TaskState::blocked) + job.count(TaskState::held),
               .running = job.count(TaskState::running),
               .finished = job.count(TaskState::finished),
               .failed = job.count(TaskState::failed),
               .cancelled = job.count(TaskState::cancelled),
               .left = std::chrono::duration<double>{job.seconds_left.value_or(0)},
               .why = job.why};
  if (job.first_error) {
    auto const& error = *job.first_error;
    info.first_error =
        fmt::format("task {}.{}{}{}: {}{}{}", job.job, error.task.value_or(0), error.host.empty() ? "" : " on ",
                    error.host, error.type, error.type.empty() ? "" : ": ", error.text);
  }
  return info;
}

}  // namespace detail

static_assert(static_cast<int>(JobState::waiting) == static_cast<int>(detail::TaskState::waiting));
static_assert(static_cast<int>(JobState::cancelled) == static_cast<int>(detail::TaskState::cancelled));

JobInfo ServiceJob::info() const {
  return core_->with([&](detail::Requests& requests) { return detail::job_info(requests.job(number_)); });
}

JobInfo ServiceJob::wait() const {
  return core_->with([&](detail::Requests& requests) {
    for (;;) {
      auto info = detail::job_info(requests.wait(number_, seconds_at_once));
      if (info.has_ended()) return info;
    }
  });
}

bool ServiceJob::wait_for(std::chrono::nanoseconds time) const {
  auto const end = Clock::now() + time;
  return core_->with([&](detail::Requests& requests) {
    for (auto pause = std::chrono::nanoseconds{10ms};; pause = std::min<std::chrono::nanoseconds>(2 * pause, 500ms)) {
      auto const rest = std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now());
      auto const whole = static_cast<int>(std::clamp<std::chrono::seconds::rep>(
          std::chrono::duration_cast<std::chrono::seconds>(rest).count(), 0, seconds_at_once));
      auto const job = whole > 0 ? requests.wait(number_, whole) : requests.job(number_);
      if (detail::has_ended(job.state)) return true;
      if (rest <= 0ns) return false;
      if (whole == 0) std::this_thread::sleep_for(std::min(pause, rest));
    }
  });
}

std::uint64_t ServiceJob::cancel() const {
  return core_->with([&](detail::Requests& requests) { return requests.cancel(number_); });
}

std::uint64_t ServiceJob::hold() const {
  return core_->with([&](detail::Requests& requests) { return requests.hold(number_); });
}

std::uint64_t ServiceJob::release() const {
  return core_->with([&](detail::Requests& requests) { return requests.release(number_); });
}

std::uint64_t ServiceJob::retry() const {
  return core_->with([&](detail::Requests& requests) { return requests.retry(number_); });
}

void ServiceJob::set_priority(int priority) const {
  core_->with([&](detail::Requests& requests) { requests.set_priority(number_, priority); });
}

void ServiceJob::forget() const {
  core_->with([&](detail::Requests& requests) { requests.forget(number_); });
}

std::string ServiceJob::log() const {
  return core_->with([&](detail::Requests& requests) {
    std::string text;
    for (std::uint64_t offset = 0;;) {
      auto const log = requests.log(number_, std::nullopt, offset);
      if (log.text.empty()) return text;
      text += log.text;
      offset = log.next;
    }
  });
}

}  // namespace farm
