#include "spawn/program/results/result_record.hpp"

#include "spawn/by_name/error_record.hpp"

#include <cmath>
#include <cstdint>
#include <utility>

namespace farm::detail {
namespace {

/// An input that cannot be read is shown as it was written.
TextValue shown_input(Input const& input) {
  if (input.error) return {.value = with_valid_utf8(input.text)};
  return input.call.input;
}

}  // namespace

std::string record_json(Input const& input, TaskOutcome const& outcome) {
  TextValue::Members record;
  record.add("index", {.value = std::uint64_t{input.index}});
  if (input.line) record.add("line", {.value = std::uint64_t{*input.line}});
  record.add("input", shown_input(input));
  if (outcome.error) {
    record.add("error", {.value = error_record(outcome.error)});
  } else {
    record.add("result", outcome.value);
  }
  record.add("attempts", {.value = std::uint64_t{outcome.run.attempts}});
  record.add("seconds", {.value = std::round(outcome.run.seconds * 1e6) / 1e6});
  return to_json(record);
}

std::string result_text(TextValue const& value) {
  return std::holds_alternative<std::nullptr_t>(value.value) ? "done" : to_text(value);
}

}  // namespace farm::detail
