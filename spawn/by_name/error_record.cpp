#include "spawn/by_name/error_record.hpp"

#include "core/base/failure.hpp"
#include "core/text/exception_text.hpp"

#include <farm/error.hpp>
#include <farm/exit.hpp>

#include <cstdint>
#include <string>
#include <typeinfo>

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

}  // namespace

TextValue::Members error_record(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& error) {
    return error_record(error);
  }
}

}  // namespace farm::detail
