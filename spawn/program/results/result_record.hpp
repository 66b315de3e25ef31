#pragma once

#include "spawn/program/input/input_source.hpp"

#include <farm/detail/text_value.hpp>

#include <exception>
#include <string>

namespace farm::detail {

/// How the task of one input has ended.
struct TaskOutcome {
  TextValue value{};
  std::exception_ptr error{};  ///< null if the task has a value
  RunInfo run{};
};

/// Returns the record of an input in one line of JSON: index, line, input, result or error, attempts and seconds. An
/// error has type, text, rank and host. Rank and host are null if no rank threw, for example if a rank was lost.
/// Inputs that are not from a file have no line.
[[nodiscard]] std::string record_json(Input const& input, TaskOutcome const& outcome);

/// Returns the line for people: the value, or "done" if the task returns nothing.
[[nodiscard]] std::string result_text(TextValue const& value);

}  // namespace farm::detail
