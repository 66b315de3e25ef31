#include <farm/detail/named_task.hpp>
#include <farm/error.hpp>

#include "core/task/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

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

/// Returns the arguments in the order of the parameters. Returns none for a task of one parameter whose argument is the
/// object itself.
std::optional<ArgumentTexts> by_name(NamedTask const& task, TextValue::Members const& members,
                                     std::string const& input) {
  ArgumentTexts parts{.input = input};
  for (auto const& name : task.names) {
    auto const found = std::find(members.names.begin(), members.names.end(), name);
    if (found == members.names.end()) {
      if (task.names.size() == 1) return std::nullopt;
      throw UsageError(fmt::format("\"{}\" has no {}; expected ({})", input, name, task.parameters()));
    }
    parts.texts.push_back(to_json(members.values[static_cast<std::size_t>(found - members.names.begin())]));
  }
  for (auto const& name : members.names) {
    if (std::find(task.names.begin(), task.names.end(), name) == task.names.end())
      throw UsageError(fmt::format("{} of \"{}\" is no parameter; expected ({})", name, input, task.parameters()));
  }
  return parts;
}

/// Returns true if the task ended during an attempt. GroupLost comes after its attempt has ended, and SpawnError while
/// there is none.
bool ended_in_attempt(Task const& task) {
  if (task.status() == FutureState::Status::value) return true;
  auto const* const error = std::get_if<std::exception_ptr>(&task.result());
  if (error == nullptr || *error == nullptr) return false;
  try {
    std::rethrow_exception(*error);
  } catch (TaskError const&) {
    return true;
  } catch (TimeoutError const&) {
    return true;
  } catch (CancelledError const&) {
    return task.run_seconds > 0;
  } catch (...) {
    return false;
  }
}

}  // namespace

std::string NamedTask::parameters() const {
  if (names.empty()) return fmt::format("{}", fmt::join(arguments, ", "));
  std::string text;
  for (std::size_t i = 0; i < names.size(); ++i)
    text += fmt::format("{}{} {}", i > 0 ? ", " : "", arguments[i], names[i]);
  return text;
}

std::string NamedTask::signature() const { return fmt::format("{}({}) -> {}", name, parameters(), result); }

TextValue::Members NamedTask::description() const {
  auto const list = [](std::vector<std::string> const& texts) {
    TextValue::List items;
    for (auto const& text : texts) items.items.push_back({.value = text});
    return TextValue{.value = std::move(items)};
  };
  TextValue::Members object;
  object.add("name", {.value = name});
  object.add("arguments", list(arguments));
  if (!names.empty()) object.add("names", list(names));
  object.add("result", {.value = result});
  return object;
}

void add_named_task(NamedTask task) { registry().push_back(std::move(task)); }

std::vector<NamedTask> const& named_tasks() {
  auto& tasks = registry();
  for (auto& task : tasks) {
    if (auto* const name_types = std::exchange(task.name_types, nullptr)) name_types(task);
  }
  std::sort(tasks.begin(), tasks.end(), [](NamedTask const& a, NamedTask const& b) { return a.name < b.name; });
  auto const twice = std::adjacent_find(tasks.begin(), tasks.end(),
                                        [](NamedTask const& a, NamedTask const& b) { return a.name == b.name; });
  if (twice != tasks.end())
    throw UsageError(fmt::format("two tasks are registered as {}: rename one of the functions", twice->name));
  return tasks;
}

std::vector<std::string> split_at_commas(std::string_view text) {
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

ArgumentTexts split_arguments(NamedTask const& task, std::string const& input) {
  auto const count = task.arguments.size();
  bool const may_be_json = (!task.names.empty() || count > 1) && (input.starts_with('[') || input.starts_with('{'));
  if (may_be_json) {
    auto const value = read_text(input);
    auto const* const list = std::get_if<TextValue::List>(&value.value);
    if (list != nullptr && count != 1 && list->items.size() == count) {
      ArgumentTexts parts{.input = input};
      for (auto const& item : list->items) parts.texts.push_back(to_json(item));
      return parts;
    }
    auto const* const members = std::get_if<TextValue::Members>(&value.value);
    if (members != nullptr && !task.names.empty()) {
      if (auto parts = by_name(task, *members, input)) return *std::move(parts);
    }
  }
  if (count == 1) return {input, {input}};
  auto parts = count == 0 && trimmed(input).empty() ? std::vector<std::string>{} : split_at_commas(input);
  if (parts.size() != count) {
    throw UsageError(fmt::format("\"{}\" has {} argument{}, expected {}: ({})", input, parts.size(),
                                 parts.size() == 1 ? "" : "s", count, task.parameters()));
  }
  return {input, std::move(parts)};
}

void throw_unreadable_argument(std::vector<std::string> const& names, std::size_t index, ArgumentTexts const& arguments,
                               char const* why) {
  auto const& text = arguments.texts[index];
  auto const within = text == arguments.input ? std::string{} : fmt::format(" of \"{}\"", arguments.input);
  auto const name = names.empty() ? std::string{} : fmt::format(" ({})", names[index]);
  throw UsageError(fmt::format("argument {}{}{} is \"{}\": {}", index + 1, name, within, text, why));
}

TextValue as_input(std::vector<std::string> const& names, TextValue::List&& values) {
  if (names.empty() && values.items.size() == 1) return std::move(values.items[0]);
  if (names.empty()) return {.value = std::move(values)};
  TextValue::Members members;
  for (std::size_t i = 0; i < names.size(); ++i) members.add(names[i], std::move(values.items[i]));
  return {.value = std::move(members)};
}

RunInfo run_info(FutureState const& state) {
  auto const* const task = dynamic_cast<Task const*>(&state);
  if (task == nullptr) return {};
  return {.attempts = ended_in_attempt(*task) ? task->attempt() : task->attempt() - 1,
          .seconds = static_cast<double>(task->run_seconds),
          .task = task->id};
}

}  // namespace farm::detail
