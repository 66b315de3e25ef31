#include "spawn/service/client/submission_body.hpp"

#include "spawn/service/http/server.hpp"
#include "spawn/service/model/job_json.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <random>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t digits_of_count = 20;

/// Servers refuse larger bodies.
std::size_t largest() { return http::ServerOptions{}.largest_body; }

}  // namespace

std::string random_key() {
  std::random_device device;
  std::string key;
  for (int i = 0; i < 4; ++i) key += fmt::format("{:08x}", device());
  return key;
}

SubmissionBody::SubmissionBody(JobSpec spec, bool listed) {
  if (spec.key.empty()) spec.key = random_key();
  body_ = fmt::format(R"({{"spec":{},{}"tasks":)", spec_to_json(spec), listed ? R"("listed":true,)" : "");
  count_place_ = body_.size();
  body_ += std::string(digits_of_count, ' ') + "}\n";
}

void SubmissionBody::add(std::string_view input) { add_line(input); }

void SubmissionBody::add(TaskSpec const& task) { add_line(listed_task_to_json(task)); }

void SubmissionBody::add_line(std::string_view line) {
  if (body_.size() + line.size() + 1 > largest()) {
    throw UsageError(fmt::format(
        "the inputs are more than a server takes at once ({} MiB): nothing was submitted after {} of them; divide them "
        "into several jobs",
        largest() >> 20U, tasks_));
  }
  body_ += line;
  body_ += '\n';
  ++tasks_;
}

std::string const& SubmissionBody::body() {
  // blanks before a number are allowed in JSON, zeros are not
  body_.replace(count_place_, digits_of_count, fmt::format("{:{}}", tasks_, digits_of_count));
  return body_;
}

}  // namespace farm::detail
