#include "spawn/requests/task_settings.hpp"

#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "core/text/field_text.hpp"
#include "core/text/nearest_word.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>
#include <vector>

namespace farm::detail {
namespace {

struct Field {
  char const* name;
  std::string (*value)(TaskContext const& context);
};

constexpr std::array fields{
    Field{"rank", [](TaskContext const& context) { return std::to_string(context.rank()); }},
    Field{"task", [](TaskContext const& context) { return std::to_string(context.task()); }},
    Field{"attempt", [](TaskContext const& context) { return std::to_string(context.attempt()); }},
    Field{"ranks", [](TaskContext const& context) { return std::to_string(context.ranks()); }},
    Field{"host", [](TaskContext const& /*context*/) { return std::string{host_name()}; }},
};

Field const& field_of(std::string const& name) {
  auto const* const found =
      std::find_if(fields.begin(), fields.end(), [&](Field const& each) { return each.name == name; });
  if (found != fields.end()) return *found;
  std::vector<std::string> names;
  names.reserve(fields.size());
  for (auto const& each : fields) names.emplace_back(each.name);
  throw UsageError("a task's output: " + unknown_word("field", name, names));
}

void check_output(std::string const& output) try {
  for (auto const& name : FieldText{output}.names()) static_cast<void>(field_of(name));
} catch (UsageError const&) {
  throw;
} catch (std::invalid_argument const& error) {
  throw UsageError(fmt::format("a task's output: {}", error.what()));
}

}  // namespace

void check_variables(std::map<std::string, std::string> const& variables) {
  for (auto const& [name, value] : variables) {
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos)
      throw UsageError(fmt::format("\"{}\" cannot be the name of a variable", name));
    if (value.find('\0') != std::string::npos)
      throw UsageError(fmt::format("the value of the variable {} has a null character", name));
  }
}

Bytes packed_settings(TaskOptions const& options) {
  if (options.directory.empty() && options.environment.empty() && options.output.empty()) return {};
  check_variables(options.environment);
  check_output(options.output);
  return pack(TaskSettings{options.directory, options.environment, options.output});
}

std::string filled_output_path(std::string const& output, TaskContext const& context) {
  return FieldText{output}.filled([&](std::string const& name) { return field_of(name).value(context); });
}

}  // namespace farm::detail
