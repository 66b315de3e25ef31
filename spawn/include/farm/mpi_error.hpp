#pragma once

#include <farm/error.hpp>

#include <system_error>

namespace farm {

/// Returns the category of MPI's error codes. Its messages are those of MPI_Error_string.
[[nodiscard]] std::error_category const& mpi_category() noexcept;

/// Thrown when an MPI function has failed. code() holds its error code, in mpi_category().
class MpiError : public detail::ErrorOf<std::system_error> {
 public:
  /// `function` is the name of the MPI function; it begins what().
  MpiError(int code, char const* function) : ErrorOf(code, mpi_category(), function) {}
};

/// Throws MpiError if `code`, which the MPI function named `function` returned, is not MPI_SUCCESS.
void check_mpi(int code, char const* function);

}  // namespace farm
