#include <farm/error.hpp>

#include <fmt/format.h>

namespace farm {
namespace {

/// Returns what stands in parentheses after the number of the task: its name, its input, both, or nothing.
std::string remarks(TaskError::Details const& details) {
  auto const input = details.input ? fmt::format("input {}", *details.input) : std::string{};
  if (details.name.empty() && input.empty()) return {};
  bool const both = !details.name.empty() && !input.empty();
  return fmt::format(" ({}{}{})", details.name, both ? ", " : "", input);
}

}  // namespace

TaskError::TaskError(Details details)
    : details_(std::move(details)),
      message_(fmt::format("{}task {}{}, rank {} of {} on {}: {}: {}", details_.not_run, details_.task,
                           remarks(details_), details_.rank, details_.ranks, details_.host, details_.type,
                           details_.text)) {
  for (auto const& cause : details_.causes) message_ += "; caused by " + cause;
}

}  // namespace farm
