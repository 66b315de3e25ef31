#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <array>

namespace farm {
namespace {

class Category final : public std::error_category {
 public:
  [[nodiscard]] char const* name() const noexcept override { return "MPI"; }
  [[nodiscard]] std::string message(int code) const override {
    std::array<char, MPI_MAX_ERROR_STRING> text{};
    int length = 0;
    if (MPI_Error_string(code, text.data(), &length) != MPI_SUCCESS) return fmt::format("MPI error {}", code);
    return {text.data(), static_cast<std::size_t>(length)};
  }
};

}  // namespace

std::error_category const& mpi_category() noexcept {
  static Category const category;
  return category;
}

void check_mpi(int code, char const* function) {
  if (code != MPI_SUCCESS) throw MpiError(code, function);
}

}  // namespace farm
