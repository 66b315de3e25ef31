#include "core/base/failure.hpp"

#include <farm/detail/input_failure.hpp>

#include <cxxabi.h>
#include <any>
#include <array>
#include <cstdlib>
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

std::error_code code_of(Failure const& failure) { return {failure.code, category_of(failure.category)}; }

struct KnownType {
  bool (*matches)(std::exception const&);
  std::exception_ptr (*make)(Failure const&, TaskError::Details);
};

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
  return {&matches<T>, [](Failure const& failure, TaskError::Details details) {
            return std::make_exception_ptr(Thrown<T>(std::move(details), failure.text));
          }};
}

template <class T>
constexpr KnownType from_nothing() {
  return {&matches<T>, [](Failure const& /*failure*/, TaskError::Details details) {
            return std::make_exception_ptr(Thrown<T>(std::move(details)));
          }};
}

template <class T>
constexpr KnownType from_code() {
  return {&matches<T>, [](Failure const& failure, TaskError::Details details) {
            return std::make_exception_ptr(Thrown<T>(std::move(details), code_of(failure), failure.text));
          }};
}

template <class T>
constexpr KnownType from_text_and_code() {
  return {&matches<T>, [](Failure const& failure, TaskError::Details details) {
            return std::make_exception_ptr(Thrown<T>(std::move(details), failure.text, code_of(failure)));
          }};
}

constexpr KnownType from_future_errc() {
  return {&matches<std::future_error>, [](Failure const& failure, TaskError::Details details) {
            return std::make_exception_ptr(
                Thrown<std::future_error>(std::move(details), static_cast<std::future_errc>(failure.code)));
          }};
}

/// A frame from elsewhere may hold an invalid code, which the enumeration cannot represent; error_stack replaces it.
constexpr KnownType from_regex_code() {
  return {&matches<std::regex_error>, [](Failure const& failure, TaskError::Details details) {
            using namespace std::regex_constants;
            bool const is_one = failure.code >= 0 && failure.code <= static_cast<std::int32_t>(error_stack);
            auto const code = is_one ? static_cast<error_type>(failure.code) : error_stack;
            return std::make_exception_ptr(Thrown<std::regex_error>(std::move(details), code));
          }};
}

template <class T>
constexpr KnownType own() {
  return {&matches<T>, [](Failure const& /*failure*/, TaskError::Details details) {
            return std::make_exception_ptr(ThrownOwn<T>(std::move(details)));
          }};
}

/// The known types. The first match is taken, so the most derived types come first. The order is part of the wire
/// format, which both sides share because they run the same build. Of the farm's own errors the table has only those
/// that a task itself can cause: a GroupLost in a task that runs a farm of its own is not a loss of this task's group.
constexpr std::array known_types{
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

Failure failure_of(InputFailure const& failed) {
  try {
    std::rethrow_exception(failed.error);
  } catch (...) {
    auto failure = current_failure();
    failure.input = static_cast<std::int64_t>(failed.input);
    return failure;
  }
}

}  // namespace

std::string demangle(char const* name) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> const demangled{abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free};
  std::string text = status == 0 ? demangled.get() : name;
  for (std::string_view const noise : {"__cxx11::", "[abi:cxx11]"}) {
    for (auto at = text.find(noise); at != std::string::npos; at = text.find(noise, at)) text.erase(at, noise.size());
  }
  return text;
}

Failure current_failure() {
  Failure failure;
  try {
    throw;
  } catch (InputFailure const& failed) {
    return failure_of(failed);
  } catch (std::exception const& e) {
    auto const* const from_farm = dynamic_cast<TaskError const*>(&e);  // thrown by a task that uses a farm itself
    failure.type = from_farm != nullptr ? from_farm->type() : demangle(typeid(e).name());
    failure.text = from_farm != nullptr ? from_farm->text() : e.what();
    if (auto const* coded = dynamic_cast<std::system_error const*>(&e)) {
      failure.code = coded->code().value();
      failure.category = coded->code().category().name();
    } else if (auto const* future = dynamic_cast<std::future_error const*>(&e)) {
      failure.code = future->code().value();
    } else if (auto const* regex = dynamic_cast<std::regex_error const*>(&e)) {
      failure.code = static_cast<std::int32_t>(regex->code());
    }
    while (!known_types[failure.kind].matches(e)) ++failure.kind;  // the last one matches all
  } catch (...) {
    auto const* const type = abi::__cxa_current_exception_type();
    failure.kind = not_standard;
    failure.type = type != nullptr ? demangle(type->name()) : "unknown type";
    failure.text = "not a std::exception";
  }
  return failure;
}

SerializationError current_serialization_error(std::string text) {
  try {
    throw;
  } catch (std::exception const& error) {
    text.append(": ").append(error.what());
  } catch (...) {  // a user's serialize function may throw anything
  }
  return SerializationError(text);
}

std::exception_ptr make_exception(Failure const& failure, TaskError::Details details) {
  details.type = failure.type;
  details.text = failure.text;
  if (failure.input >= 0) details.input = static_cast<std::uint64_t>(failure.input);
  if (failure.kind < known_types.size()) return known_types[failure.kind].make(failure, std::move(details));
  return std::make_exception_ptr(Thrown<std::runtime_error>(std::move(details), failure.text));
}

}  // namespace farm::detail
