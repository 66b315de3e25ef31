#pragma once

#include <farm/error.hpp>
#include <farm/serialize.hpp>

#include <cstdint>
#include <exception>
#include <string>

namespace farm::detail {

/// An exception on its way from a rank to the master.
struct Failure {
  std::uint8_t kind = 0;  ///< which standard type it is, or derives from: an index into a table in failure.cpp
  std::string type;
  std::string text;
  std::int32_t code = 0;    ///< of errors that have one
  std::string category;     ///< of a system_error, the name of its category
  std::int64_t input = -1;  ///< of a map, which one

  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind, type, text, code, category, input);
  }
};

/// The exception being handled, also where it is no std::exception; of an InputFailure, what it holds. Call it in a
/// catch block.
[[nodiscard]] Failure current_failure();

/// What is thrown at the caller for it: of the same standard type, and a TaskError. `details.type` and `.text` are
/// taken from the failure.
[[nodiscard]] std::exception_ptr make_exception(Failure const& failure, TaskError::Details details);

/// The name of a type as one writes it.
[[nodiscard]] std::string demangle(char const* name);

}  // namespace farm::detail
