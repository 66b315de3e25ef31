#include "spawn/program/service/submit/server_functions.hpp"

#include "core/text/nearest_word.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/detail/text_value.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

namespace farm::detail {
namespace {

/// Reads texts without knowing the types: a text that is not JSON is a string.
NamedCall read_untyped(NamedTask const& shape, ArgumentTexts const& given) {
  TextValue::List values;
  for (std::size_t i = 0; i < given.texts.size(); ++i) {
    auto const& text = given.texts[i];
    auto value = read_text(text);
    bool const is_text = shape.arguments[i] == "string" || shape.arguments[i] == "path";
    if (is_text && !string_of(value)) value.value = text;  // as 5 is for a string
    values.items.push_back(std::move(value));
  }
  NamedCall call;
  call.input = as_input(shape.names, std::move(values));
  return call;
}

NamedTask shape_of(FunctionReply const& function) {
  NamedTask shape{.name = function.name,
                  .names = function.names,
                  .name_types = nullptr,
                  .arguments = function.arguments,
                  .result = function.result,
                  .show = nullptr,
                  .begin_chunk = nullptr,
                  .chunk_code = nullptr,
                  .gather = nullptr,
                  .read = nullptr};
  shape.read = [copy = shape](ArgumentTexts const& given) { return read_untyped(copy, given); };
  return shape;
}

}  // namespace

NamedTask ServerFunctions::find(std::string const& name) {
  if (!functions_) functions_ = requests_.functions();
  auto const found = std::find_if(functions_->begin(), functions_->end(),
                                  [&](FunctionReply const& each) { return each.name == name; });
  if (found == functions_->end()) {
    if (functions_->empty()) {
      throw TypingError(fmt::format("unknown task '{}': {} has no tasks; start it from a program that has them", name,
                                    requests_.connection().name()));
    }
    std::vector<std::string> names;
    for (auto const& each : *functions_) names.push_back(each.name);
    throw TypingError(unknown_word("task", name, names));
  }
  for (auto const& task : named_tasks()) {
    bool const is_same = task.name == name && task.arguments == found->arguments && task.names == found->names;
    if (is_same) return task;
  }
  return shape_of(*found);
}

}  // namespace farm::detail
