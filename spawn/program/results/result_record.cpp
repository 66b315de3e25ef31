#include "spawn/program/results/result_record.hpp"

#include "core/base/failure.hpp"
#include "core/text/exception_text.hpp"

#include <farm/error.hpp>
#include <farm/exit.hpp>

#include <cmath>
#include <cstdint>
#include <typeinfo>
#include <utility>

namespace farm::detail {
namespace {

TextValue::Members error_record(std::exception const& error) {
  auto const* const thrown = dynamic_cast<TaskError const*>(&error);
  TextValue::Members record;
  auto const add = [&](char const* name, std::string const& text) {
    record.add(name, {.value = with_valid_utf8(text)});
  };
  add("type", thrown != nullptr ? thrown->type() : demangle(typeid(error).name()));
  add("text", thrown != nullptr ? thrown->text() : text_of(error));
  if (thrown != nullptr) {
    record.add("rank", {.value = std::int64_t{thrown->rank()}});
    add("host", thrown->host());
  } else {
    record.add("rank", {});
    record.add("host", {});
  }
  if (auto const* const program = dynamic_cast<ProgramError const*>(&error)) {
    record.add("status", {.value = std::int64_t{program->exit().status}});
    record.add("signal", {.value = std::int64_t{program->exit().signal}});
    record.add("peak_memory", {.value = program->exit().peak_memory});
  }
  return record;
}

TextValue::Members error_record(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& error) {
    return error_record(error);
  }
}

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
