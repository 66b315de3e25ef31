#include <farm/task_context.hpp>

#include <farm/detail/log.hpp>

#include <fmt/format.h>

namespace farm {

void TaskContext::log(std::string_view text) const {
  detail::log_error(fmt::format("task {} (attempt {}), rank {} of {}: {}", task_, attempt_, rank_, ranks_, text));
}

}  // namespace farm
