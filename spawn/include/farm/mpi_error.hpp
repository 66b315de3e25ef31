#pragma once

#include <farm/error.hpp>

#include <system_error>

namespace farm {

/// MPI's error codes; messages are those of MPI_Error_string.
[[nodiscard]] std::error_category const& mpi_category() noexcept;

/// An MPI function failed. code() holds its error code.
class MpiError : public detail::ErrorOf<std::system_error> {
 public:
  MpiError(int code, char const* function) : ErrorOf(code, mpi_category(), function) {}
};

/// Throws MpiError unless `code`, which an MPI function returned, is MPI_SUCCESS.
void check_mpi(int code, char const* function);

}  // namespace farm
