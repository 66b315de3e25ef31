#include "core/base/failure.hpp"

#include "core/base/host_name.hpp"
#include "core/text/exception_text.hpp"

#include <farm/detail/input_failure.hpp>
#include <farm/exit.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <any>
#include <array>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

namespace farm::detail {
namespace {

/// A standard exception that is a TaskError as well, so that the caller can catch it as either.
template <class Base>
class Thrown : public Base, public TaskError {
 public:
  template <class... Args>
  explicit Thrown(Details details, Args&&... args) : Base(std::forward<Args>(args)...), TaskError(std::move(details)) {}
  [[nodiscard]] char const* what() const noexcept override { return TaskError::what(); }
};

/// One of the farm's own errors that is a TaskError as well. Both of its bases return the same text.
template <class Base>
class ThrownOwn : public Base, public TaskError {
 public:
  explicit ThrownOwn(Details details) : Base(details.text), TaskError(std::move(details)) {}
  [[nodiscard]] char const* what() const noexcept override { return TaskError::what(); }
};

/// A ProgramError that is a TaskError as well.
class ThrownProgramError : public ProgramError, public TaskError {
 public:
  ThrownProgramError(Details details, Exit how)
      : ProgramError(details.text, std::move(how)), TaskError(std::move(details)) {}
  [[nodiscard]] char const* what() const noexcept override { return TaskError::what(); }
};

/// An error category of which this process knows only the name, because the rank's program defines it.
class NamedCategory final : public std::error_category {
 public:
  explicit NamedCategory(std::string name) : name_(std::move(name)) {}
  [[nodiscard]] char const* name() const noexcept override { return name_.c_str(); }
  [[nodiscard]] std::string message(int code) const override { return name_ + " error " + std::to_string(code); }

 private:
  std::string name_;
};

std::error_category const& category_of(std::string const& name) {
  for (auto const* known :
       {&std::generic_category(), &std::system_category(), &std::iostream_category(), &std::future_category()}) {
    if (name == known->name()) return *known;
  }
  // Never destroyed, because error codes compare categories by address.
  static auto& mutex = *new std::mutex;
  static auto& others = *new std::map<std::string, NamedCategory>;
  std::scoped_lock const lock{mutex};
  return others.try_emplace(name, name).first->second;
}

std::error_code code_of(ExceptionRecord const& record) { return {record.code, category_of(record.category)}; }

struct KnownType {
  bool (*matches)(std::exception const&);
  std::exception_ptr (*make)(ExceptionRecord const&, TaskError::Details, std::exception_ptr const& cause);
};

/// Returns a pointer to the error, in which the cause is nested unless that is null.
template <class E>
std::exception_ptr pointer_to(E error, std::exception_ptr const& cause) {
  if (!cause) return std::make_exception_ptr(std::move(error));
  try {
    std::rethrow_exception(cause);
  } catch (...) {
    try {
      std::throw_with_nested(std::move(error));
    } catch (...) {
      return std::current_exception();
    }
  }
}

template <class T>
bool matches([[maybe_unused]] std::exception const& e) {
  if constexpr (std::is_same_v<T, std::exception>) {
    return true;
  } else {
    return dynamic_cast<T const*>(&e) != nullptr;
  }
}

// How each type is constructed. Its own constructor may change the text: what() comes from TaskError.
template <class T>
constexpr KnownType from_text() {
  return {&matches<T>, [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(Thrown<T>(std::move(details), record.text), cause);
          }};
}

template <class T>
constexpr KnownType from_nothing() {
  return {&matches<T>,
          [](ExceptionRecord const& /*record*/, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(Thrown<T>(std::move(details)), cause);
          }};
}

template <class T>
constexpr KnownType from_code() {
  return {&matches<T>, [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(Thrown<T>(std::move(details), code_of(record), record.text), cause);
          }};
}

template <class T>
constexpr KnownType from_text_and_code() {
  return {&matches<T>, [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(Thrown<T>(std::move(details), record.text, code_of(record)), cause);
          }};
}

constexpr KnownType from_future_errc() {
  return {&matches<std::future_error>,
          [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(Thrown<std::future_error>(std::move(details), static_cast<std::future_errc>(record.code)),
                              cause);
          }};
}

/// A frame from elsewhere may hold an invalid code, which the enumeration cannot represent; error_stack replaces it.
constexpr KnownType from_regex_code() {
  return {&matches<std::regex_error>,
          [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            using namespace std::regex_constants;
            bool const is_one = record.code >= 0 && record.code <= static_cast<std::int32_t>(error_stack);
            auto const code = is_one ? static_cast<error_type>(record.code) : error_stack;
            return pointer_to(Thrown<std::regex_error>(std::move(details), code), cause);
          }};
}

template <class T>
constexpr KnownType own() {
  return {&matches<T>,
          [](ExceptionRecord const& /*record*/, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(ThrownOwn<T>(std::move(details)), cause);
          }};
}

/// A frame from elsewhere may hold anything: then the error has no more than its text.
Exit exit_in(std::string const& details) try { return unpack<Exit>(details); } catch (SerializationError const&) {
  return {};
}

constexpr KnownType from_exit() {
  return {&matches<ProgramError>,
          [](ExceptionRecord const& record, TaskError::Details details, std::exception_ptr const& cause) {
            return pointer_to(ThrownProgramError(std::move(details), exit_in(record.details)), cause);
          }};
}

/// The known types. The first match is taken, so the most derived types come first. The order is part of the wire
/// format, which both sides share because they run the same build. Of the farm's own errors the table has only those
/// that a task itself can cause: a GroupLost in a task that runs a farm of its own is not a loss of this task's group.
constexpr std::array known_types{
    from_exit(),
    own<StageError>(),
    own<SerializationError>(),
    own<UsageError>(),
    from_text_and_code<std::filesystem::filesystem_error>(),
    from_text_and_code<std::ios_base::failure>(),
    from_code<std::system_error>(),
    from_future_errc(),
    from_regex_code(),
    from_text<std::range_error>(),
    from_text<std::overflow_error>(),
    from_text<std::underflow_error>(),
    from_text<std::invalid_argument>(),
    from_text<std::domain_error>(),
    from_text<std::length_error>(),
    from_text<std::out_of_range>(),
    from_nothing<std::bad_array_new_length>(),
    from_nothing<std::bad_alloc>(),
    from_nothing<std::bad_any_cast>(),
    from_nothing<std::bad_cast>(),
    from_nothing<std::bad_typeid>(),
    from_nothing<std::bad_function_call>(),
    from_nothing<std::bad_optional_access>(),
    from_nothing<std::bad_variant_access>(),
    from_nothing<std::bad_weak_ptr>(),
    from_nothing<std::bad_exception>(),
    from_text<std::logic_error>(),
    from_text<std::runtime_error>(),
    from_nothing<std::exception>(),
};
constexpr std::uint8_t not_standard = 255;

/// More nested exceptions than this are not kept.
constexpr std::size_t most_causes = 64;

/// Returns the exception that is nested in the one being handled; null if there is none.
std::exception_ptr current_cause() {
  try {
    throw;
  } catch (std::nested_exception const& outer) {
    return outer.nested_ptr();
  } catch (...) {
    return nullptr;
  }
}

void record_code(std::exception const& error, ExceptionRecord& record) {
  if (auto const* coded = dynamic_cast<std::system_error const*>(&error)) {
    record.code = coded->code().value();
    char const* const category = coded->code().category().name();
    record.category = category != nullptr ? category : "";
  } else if (auto const* future = dynamic_cast<std::future_error const*>(&error)) {
    record.code = future->code().value();
  } else if (auto const* regex = dynamic_cast<std::regex_error const*>(&error)) {
    record.code = static_cast<std::int32_t>(regex->code());
  } else if (auto const* program = dynamic_cast<ProgramError const*>(&error)) {
    record.details = pack(program->exit());
  }
}

/// Returns the exception being handled, without the one that is nested in it.
ExceptionRecord current_record() {
  ExceptionRecord record;
  try {
    throw;
  } catch (std::exception const& e) {
    auto const* const from_farm = dynamic_cast<TaskError const*>(&e);  // thrown by a task that uses a farm itself
    char const* const what = e.what();
    record.type = from_farm != nullptr ? from_farm->type() : demangle(typeid(e).name());
    record.text = from_farm != nullptr ? from_farm->text() : what != nullptr ? what : "its what() is null";
    record_code(e, record);
    while (!known_types[record.kind].matches(e)) ++record.kind;  // the last one matches all
  } catch (...) {
    record.kind = not_standard;
    record.type = current_exception_type();
    record.text = current_exception_value();
  }
  return record;
}

/// Returns the exception being handled, which is not an InputFailure, with those nested in it.
Failure current_plain_failure() {
  Failure failure;
  failure.exception = current_record();
  auto cause = current_cause();
  while (cause && failure.causes.size() < most_causes) {
    try {
      std::rethrow_exception(cause);
    } catch (...) {
      failure.causes.push_back(current_record());
      cause = current_cause();
    }
  }
  return failure;
}

std::string describe(ExceptionRecord const& record) { return fmt::format("{}: {}", record.type, record.text); }

std::exception_ptr make_one(ExceptionRecord const& record, TaskError::Details details,
                            std::exception_ptr const& cause) {
  details.type = record.type;
  details.text = record.text;
  if (record.kind < known_types.size()) return known_types[record.kind].make(record, std::move(details), cause);
  return pointer_to(Thrown<std::runtime_error>(std::move(details), record.text), cause);
}

}  // namespace

Failure current_failure() {
  try {
    throw;
  } catch (InputFailure const& failed) {
    try {
      std::rethrow_exception(failed.error);
    } catch (...) {
      auto failure = current_plain_failure();
      failure.input = static_cast<std::int64_t>(failed.input);
      return failure;
    }
  } catch (...) {
    return current_plain_failure();
  }
}

void pack_input_failure(Bytes& results, std::uint64_t input) {
  auto failure = current_failure();
  failure.input = static_cast<std::int64_t>(input);
  pack_into(results, failure, host_name());
}

std::exception_ptr unpack_input_failure(std::string_view bytes, std::uint64_t task, std::string name) {
  UnpackArchive in{bytes};
  Failure failure;
  std::string host;
  in(failure, host);
  return make_exception(failure, {.task = task, .name = std::move(name), .host = std::move(host)});
}

SerializationError current_serialization_error(std::string text) {  // a user's serialize function may throw anything
  return SerializationError(text.append(": ").append(current_exception_text()));
}

std::string describe(Failure const& failure) {
  auto text = describe(failure.exception);
  for (auto const& cause : failure.causes) text += "; caused by " + describe(cause);
  return text;
}

namespace {

/// Returns the exception being handled with another text if it is an E, and nothing more; null otherwise.
template <class E>
std::exception_ptr renamed(std::exception const& error, std::string const& not_run) {
  return typeid(error) == typeid(E) ? std::make_exception_ptr(E(not_run + error.what())) : nullptr;
}

template <class... Es>
std::exception_ptr first_renamed(std::exception const& error, std::string const& not_run) {
  std::exception_ptr made;
  static_cast<void>(((made = renamed<Es>(error, not_run)) || ...));
  return made;
}

}  // namespace

std::exception_ptr with_reason(std::exception_ptr const& error, std::string const& not_run) {
  try {
    std::rethrow_exception(error);
  } catch (TaskError const& e) {
    auto details = e.details();
    details.not_run.insert(0, not_run);
    return make_exception(current_failure(), std::move(details));
  } catch (std::exception const& e) {
    auto const made = first_renamed<GroupLost, TimeoutError, SpawnError, StageError, SerializationError, UsageError,
                                    BrokenExecutor, ShutdownError, std::runtime_error, std::logic_error,
                                    std::invalid_argument, std::domain_error, std::out_of_range>(e, not_run);
    return made ? made : error;
  } catch (...) {
    return error;
  }
}

std::exception_ptr make_exception(Failure const& failure, TaskError::Details details) {
  if (failure.input >= 0) details.input = static_cast<std::uint64_t>(failure.input);
  std::exception_ptr made;
  details.causes.clear();
  for (auto i = std::min(failure.causes.size(), most_causes); i-- > 0;) {
    made = make_one(failure.causes[i], details, made);
    details.causes.insert(details.causes.begin(), describe(failure.causes[i]));
  }
  return make_one(failure.exception, std::move(details), made);
}

}  // namespace farm::detail
