#include "spawn/program/map/error_record.hpp"

#include "core/base/failure.hpp"

#include <farm/error.hpp>

#include <cstdint>
#include <string>
#include <typeinfo>
#include <utility>

namespace farm::detail {

TextValue::Members error_record(std::exception const& error) {
  auto const* const thrown = dynamic_cast<TaskError const*>(&error);
  TextValue::Members record;
  auto const add = [&](char const* name, std::string const& text) {
    record.add(name, {.value = with_valid_utf8(text)});
  };
  add("type", thrown != nullptr ? thrown->type() : demangle(typeid(error).name()));
  add("text", thrown != nullptr ? thrown->text() : error.what());
  if (thrown != nullptr) {
    record.add("rank", {.value = std::int64_t{thrown->rank()}});
    add("host", thrown->host());
  } else {
    record.add("rank", {});
    record.add("host", {});
  }
  return record;
}

}  // namespace farm::detail
