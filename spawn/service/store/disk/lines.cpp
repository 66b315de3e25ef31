#include "spawn/service/store/disk/lines.hpp"

#include "spawn/service/store/disk/store_error.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(std::string const& input) {
  if (input.empty()) return "null";
  std::string line = input;
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return line;
}

[[noreturn]] void fail(std::string_view line) {
  throw StoreError{fmt::format("a task in the database cannot be understood: {}", line.substr(0, 100))};
}

std::uint32_t take_number(std::string_view& rest, std::string_view line) {
  std::uint32_t value = 0;
  auto const result = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (result.ec != std::errc{}) fail(line);
  rest.remove_prefix(static_cast<std::size_t>(result.ptr - rest.data()));
  return value;
}

void skip(std::string_view& rest, std::string_view expected, std::string_view line) {
  if (!rest.starts_with(expected)) fail(line);
  rest.remove_prefix(expected.size());
}

std::string take_text(std::string_view& rest, std::string_view line) {
  std::size_t end = 1;
  while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? std::size_t{2} : std::size_t{1};
  if (end >= rest.size()) fail(line);
  auto const quoted = rest.substr(0, end + 1);
  rest.remove_prefix(end + 1);
  if (quoted.find('\\') == std::string_view::npos) return std::string{quoted.substr(1, quoted.size() - 2)};
  auto const json = Json::parse(quoted, nullptr, false);
  if (!json.is_string()) fail(line);
  return json.get<std::string>();
}

}  // namespace

std::string line_of(TaskSpec const& task, bool listed) {
  if (!listed) return one_line(task.input);
  return fmt::format("[{},[{}],{},{}]", task.kind, fmt::join(task.needs, ","),
                     Json(task.name).dump(-1, ' ', false, Json::error_handler_t::replace), one_line(task.input));
}

TaskSpec task_of_line(std::string_view line, bool listed, bool with_input) {
  TaskSpec task;
  if (!listed) {
    if (with_input) task.input = line;
    return task;
  }
  auto rest = line;
  skip(rest, "[", line);
  task.kind = take_number(rest, line);
  skip(rest, ",[", line);
  while (!rest.starts_with(']')) {
    if (!task.needs.empty()) skip(rest, ",", line);
    task.needs.push_back(take_number(rest, line));
  }
  skip(rest, "],\"", line);
  rest = line.substr(line.size() - rest.size() - 1);  // with the quotation mark
  task.name = take_text(rest, line);
  skip(rest, ",", line);
  if (!rest.ends_with(']')) fail(line);
  if (with_input) task.input = rest.substr(0, rest.size() - 1);
  return task;
}

bool must_be_listed(std::vector<TaskSpec> const& tasks) {
  return std::any_of(tasks.begin(), tasks.end(),
                     [](TaskSpec const& t) { return t.kind != 0 || !t.needs.empty() || !t.name.empty(); });
}

}  // namespace farm::detail
