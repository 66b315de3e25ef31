#include <farm/detail/named_task.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace farm::detail {
namespace {

/// Returns the list of tasks. It is a static of a function because static initializers of other files fill it, in any
/// order.
std::vector<NamedTask>& registry() {
  static std::vector<NamedTask> tasks;
  return tasks;
}

std::string trimmed(std::string_view text) {
  constexpr auto blanks = " \t\r\n";
  auto const first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return std::string{text.substr(first, text.find_last_not_of(blanks) - first + 1)};
}

/// Splits at the commas that are inside neither brackets nor quotes.
std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (quoted) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        quoted = false;
      }
      continue;
    }
    quoted = c == '"';
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') --depth;
    if (c == ',' && depth == 0) {
      parts.push_back(trimmed(text.substr(begin, i - begin)));
      begin = i + 1;
    }
  }
  parts.push_back(trimmed(text.substr(begin)));
  return parts;
}

}  // namespace

std::string NamedTask::signature() const {
  return fmt::format("{}({}) -> {}", name, fmt::join(arguments, ", "), result);
}

void add_named_task(NamedTask task) { registry().push_back(std::move(task)); }

std::vector<NamedTask> const& named_tasks() {
  auto& tasks = registry();
  std::sort(tasks.begin(), tasks.end(), [](NamedTask const& a, NamedTask const& b) { return a.name < b.name; });
  auto const twice = std::adjacent_find(tasks.begin(), tasks.end(),
                                        [](NamedTask const& a, NamedTask const& b) { return a.name == b.name; });
  if (twice != tasks.end())
    throw UsageError(fmt::format("two tasks are registered as {}: rename one of the functions", twice->name));
  return tasks;
}

std::vector<std::string> split_arguments(std::string const& input, std::vector<std::string> const& types) {
  if (types.size() == 1) return {input};
  auto parts = types.empty() && trimmed(input).empty() ? std::vector<std::string>{} : split(input);
  if (parts.size() != types.size()) {
    throw UsageError(fmt::format("\"{}\" has {} argument{}, expected {}: ({})", input, parts.size(),
                                 parts.size() == 1 ? "" : "s", types.size(), fmt::join(types, ", ")));
  }
  return parts;
}

void throw_unreadable_argument(std::size_t index, std::string const& text, std::string const& input, char const* why) {
  auto const within = text == input ? std::string{} : fmt::format(" of \"{}\"", input);
  throw UsageError(fmt::format("argument {}{} is \"{}\": {}", index + 1, within, text, why));
}

}  // namespace farm::detail
