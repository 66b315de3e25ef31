#include "spawn/program/service/selector.hpp"

#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <system_error>

namespace farm::detail {
namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<Selector::Range> range_in(std::string_view text) {
  auto const dash = text.find('-');
  auto const first = number_in(text.substr(0, dash));
  auto const last = dash == std::string_view::npos ? first : number_in(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Selector::Range{*first, *last};
}

std::vector<std::uint64_t> all_jobs(Requests& requests) {
  std::vector<std::uint64_t> numbers;
  requests.for_each_job(std::nullopt, [&](JobReply const& job) { numbers.push_back(job.job); });
  return numbers;
}

std::uint64_t last_job(Requests& requests) {
  auto const numbers = all_jobs(requests);
  if (numbers.empty()) throw TypingError("there is no last job: the server has no jobs");
  return *std::max_element(numbers.begin(), numbers.end());
}

}  // namespace

Selector::Selector(std::string_view text, std::string_view what) : is_all_(text == "all"), is_last_(text == "last") {
  if (is_all_ || is_last_) return;
  for (std::size_t begin = 0; begin <= text.size();) {
    auto const end = std::min(text.find(',', begin), text.size());
    auto const range = range_in(text.substr(begin, end - begin));
    if (!range) {
      throw TypingError(fmt::format(
          "{}: '{}' was given, numbers such as 5, 1-10 or 1,3,5-8 are expected, or all, or last", what, text));
    }
    ranges_.push_back(*range);
    begin = end + 1;
  }
}

bool Selector::contains(std::uint64_t number) const {
  return is_all_ || std::any_of(ranges_.begin(), ranges_.end(),
                                [&](Range const& range) { return range.first <= number && number <= range.last; });
}

std::vector<std::uint64_t> selected_jobs(std::string const& text, Requests& requests) {
  Selector const selector{text, "JOB"};
  if (selector.is_all()) return all_jobs(requests);
  if (selector.is_last()) return {last_job(requests)};
  std::set<std::uint64_t> numbers;
  bool has_range = false;
  for (auto const& range : selector.ranges()) {
    if (range.first == range.last) {
      numbers.insert(range.first);
    } else {
      has_range = true;
    }
  }
  if (has_range) {
    for (auto const number : all_jobs(requests)) {
      if (selector.contains(number)) numbers.insert(number);
    }
    if (numbers.empty()) throw TypingError(fmt::format("JOB: the server has no jobs of {}", text));
  }
  return {numbers.begin(), numbers.end()};
}

std::uint64_t selected_job(std::string const& text, Requests& requests) {
  auto const numbers = selected_jobs(text, requests);
  if (numbers.size() != 1)
    throw TypingError(fmt::format("JOB: '{}' selects {} jobs, one is expected", text, numbers.size()));
  return numbers.front();
}

TaskName selected_task(std::string const& text, Requests& requests) {
  auto const dot = text.find('.');
  auto const task = dot == std::string::npos ? std::nullopt : number_in(std::string_view{text}.substr(dot + 1));
  auto const job = text.substr(0, dot);
  auto const number = job == "last" ? std::nullopt : number_in(job);
  if (!task || (!number && job != "last"))
    throw TypingError(fmt::format("JOB.TASK: '{}' was given, a task is expected, as 5.2 or last.0", text));
  return {.job = number ? *number : last_job(requests), .task = *task};
}

}  // namespace farm::detail
