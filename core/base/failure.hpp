#pragma once

#include "core/text/demangle.hpp"

#include <farm/error.hpp>
#include <farm/serialize.hpp>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// One exception in a form that travels from a rank to the master.
struct ExceptionRecord {
  std::uint8_t kind = 0;  ///< the standard type that it is or derives from, as an index into a table in failure.cpp
  std::string type;
  std::string text;
  std::int32_t code = 0;  ///< the error code, for types that have one
  std::string category;   ///< the name of the error category, for a std::system_error
  std::string details;    ///< the packed Exit, for a ProgramError

  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind, type, text, code, category, details);
  }
};

/// Why a task failed, in a form that travels from a rank to the master.
struct Failure {
  ExceptionRecord exception;
  /// The exceptions that are nested in it, as std::throw_with_nested nests them, the outermost first.
  std::vector<ExceptionRecord> causes;
  std::int64_t input = -1;  ///< the index of the input, for a task of a map

  template <class Archive>
  void serialize(Archive& archive) {
    archive(exception, causes, input);
  }
};

/// Returns the exception being handled, which may be of any type. For an InputFailure returns the exception inside it.
/// Call it in a catch block.
[[nodiscard]] Failure current_failure();

/// Returns the error in bytes that pack_input_failure() has appended. The master knows the task and its name; the bytes
/// have the rest.
[[nodiscard]] std::exception_ptr unpack_input_failure(std::string_view bytes, std::uint64_t task, std::string name);

/// Returns a SerializationError whose text is `text` followed by that of the exception being handled, which may be of
/// any type. Call it in a catch block.
[[nodiscard]] SerializationError current_serialization_error(std::string text);

/// Returns the exception that the caller gets for a failure: it has the same standard type, and is a TaskError as well.
/// Its causes are nested in it in the same way. `details.type`, `.text`, `.causes` and `.input` are taken from the
/// failure.
[[nodiscard]] std::exception_ptr make_exception(Failure const& failure, TaskError::Details details);

/// Returns the error of a task that did not run because of `error`: of the same type, and with `not_run` before its
/// text. Returns `error` itself if the farm cannot make another object of its type.
[[nodiscard]] std::exception_ptr with_reason(std::exception_ptr const& error, std::string const& not_run);

/// Returns "type: text" of a failure, followed by that of its causes.
[[nodiscard]] std::string describe(Failure const& failure);

}  // namespace farm::detail
