#include <farm/error.hpp>

#include <fmt/format.h>

namespace farm {

TaskError::TaskError(Details details)
    : details_(std::move(details)),
      message_(fmt::format("task {}{}, rank {} of {} on {}: {}: {}", details_.task,
                           details_.input ? fmt::format(" (input {})", *details_.input) : "", details_.rank,
                           details_.ranks, details_.host, details_.type, details_.text)) {
  for (auto const& cause : details_.causes) message_ += "; caused by " + cause;
}

}  // namespace farm
