#include "spawn/by_name/error_record.hpp"

#include "core/base/failure.hpp"
#include "core/text/exception_text.hpp"

#include <farm/detail/text_codec.hpp>
#include <farm/error.hpp>
#include <farm/exit.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
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

/// An error that is a TaskError as well. Both of its bases return the same text.
template <class Base>
class Thrown final : public Base, public TaskError {
 public:
  explicit Thrown(Details details) : Base(details.text), TaskError(std::move(details)) {}
  [[nodiscard]] char const* what() const noexcept override { return TaskError::what(); }
};

class ThrownProgramError final : public ProgramError, public TaskError {
 public:
  ThrownProgramError(Details details, Exit how)
      : ProgramError(details.text, std::move(how)), TaskError(std::move(details)) {}
  [[nodiscard]] char const* what() const noexcept override { return TaskError::what(); }
};

/// Makes an error of one type, by a rank or by the farm itself.
struct KnownType {
  std::string_view name;
  std::exception_ptr (*make)(TaskError::Details details, bool by_rank);
};

template <class E>
constexpr KnownType known(std::string_view name) {
  return {name, [](TaskError::Details details, bool by_rank) {
            return by_rank ? std::make_exception_ptr(Thrown<E>{std::move(details)})
                           : std::make_exception_ptr(E{TaskError{std::move(details)}.what()});
          }};
}

constexpr std::array known_types{
    known<std::runtime_error>("std::runtime_error"),
    known<std::logic_error>("std::logic_error"),
    known<std::invalid_argument>("std::invalid_argument"),
    known<std::domain_error>("std::domain_error"),
    known<std::length_error>("std::length_error"),
    known<std::out_of_range>("std::out_of_range"),
    known<std::range_error>("std::range_error"),
    known<std::overflow_error>("std::overflow_error"),
    known<std::underflow_error>("std::underflow_error"),
    known<TimeoutError>("farm::TimeoutError"),
    known<GroupLost>("farm::GroupLost"),
    known<CancelledError>("farm::CancelledError"),
    known<TooManyFailures>("farm::TooManyFailures"),
    known<SpawnError>("farm::SpawnError"),
    known<StageError>("farm::StageError"),
    known<SerializationError>("farm::SerializationError"),
    known<UsageError>("farm::UsageError"),
};

template <class T>
void read_member(TextValue::Members const& members, char const* name, T& value) {
  for (std::size_t i = 0; i < members.names.size(); ++i) {
    if (members.names[i] != name) continue;
    try {
      TextCodec<T>::read(members.values[i], value);
    } catch (TextMismatch const&) {
      return;  // null, or a record of another version
    }
  }
}

}  // namespace

std::exception_ptr error_from_record(TextValue const& record, TaskError::Details details) {
  auto const* const members = std::get_if<TextValue::Members>(&record.value);
  if (members == nullptr) {
    details.text = to_text(record);
    return known_types.front().make(std::move(details), false);
  }
  read_member(*members, "type", details.type);
  read_member(*members, "text", details.text);
  std::optional<int> rank;
  read_member(*members, "rank", rank);
  details.rank = rank.value_or(0);
  read_member(*members, "host", details.host);
  if (details.type == "farm::ProgramError") {
    Exit exit{.host = details.host};
    read_member(*members, "status", exit.status);
    read_member(*members, "signal", exit.signal);
    read_member(*members, "peak_memory", exit.peak_memory);
    return std::make_exception_ptr(ThrownProgramError{std::move(details), std::move(exit)});
  }
  auto const found = std::find_if(known_types.begin(), known_types.end(),
                                  [&](KnownType const& each) { return each.name == details.type; });
  return (found == known_types.end() ? known_types.front() : *found).make(std::move(details), rank.has_value());
}

TextValue::Members error_record(std::exception_ptr const& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (std::exception const& error) {
    return error_record(error);
  }
}

}  // namespace farm::detail
