#include "io/ranks.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <array>
#include <climits>
#include <exception>
#include <numeric>
#include <string_view>

namespace farm::detail {
namespace {

void check(int code, std::string_view function) {
  if (code == MPI_SUCCESS) return;
  std::array<char, MPI_MAX_ERROR_STRING> text{};
  int length = 0;
  MPI_Error_string(code, text.data(), &length);
  throw StageError(fmt::format("{}: {}", function, text.data()));
}

}  // namespace

Ranks::Ranks(MPI_Comm comm) : comm_(comm) {
  check(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
  check(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
}

void Ranks::together(std::function<void()> const& f) const {
  std::string error;
  int failed = INT_MAX;  // the first rank that did
  try {
    f();
  } catch (std::exception const& e) {
    error = e.what();
    failed = rank_;
  }
  int first = INT_MAX;
  check(MPI_Allreduce(&failed, &first, 1, MPI_INT, MPI_MIN, comm_), "MPI_Allreduce");
  if (first == INT_MAX) return;
  auto size = static_cast<int>(error.size());
  check(MPI_Bcast(&size, 1, MPI_INT, first, comm_), "MPI_Bcast");
  error.resize(static_cast<std::size_t>(size));
  check(MPI_Bcast(error.data(), size, MPI_CHAR, first, comm_), "MPI_Bcast");
  throw StageError(size_ == 1 ? error : fmt::format("{} (rank {} of {})", error, first, size_));
}

void Ranks::by_first(std::function<void()> const& f) const {
  together([&] {
    if (rank_ == 0) f();
  });
}

std::vector<std::uint64_t> Ranks::all_gather(std::vector<std::uint64_t> const& values) const {
  std::vector<std::uint64_t> all(values.size() * static_cast<std::size_t>(size_));
  auto const count = static_cast<int>(values.size());
  check(MPI_Allgather(values.data(), count, MPI_UINT64_T, all.data(), count, MPI_UINT64_T, comm_), "MPI_Allgather");
  return all;
}

std::string Ranks::all_gather(std::string_view bytes) const {
  auto const own = static_cast<int>(bytes.size());
  std::vector<int> counts(static_cast<std::size_t>(size_));
  check(MPI_Allgather(&own, 1, MPI_INT, counts.data(), 1, MPI_INT, comm_), "MPI_Allgather");
  std::vector<int> offsets(counts.size());
  std::exclusive_scan(counts.begin(), counts.end(), offsets.begin(), 0);
  std::string all(static_cast<std::size_t>(offsets.back()) + static_cast<std::size_t>(counts.back()), '\0');
  check(MPI_Allgatherv(bytes.data(), own, MPI_BYTE, all.data(), counts.data(), offsets.data(), MPI_BYTE, comm_),
        "MPI_Allgatherv");
  return all;
}

void Ranks::broadcast(std::string& text) const {
  auto size = static_cast<int>(text.size());
  check(MPI_Bcast(&size, 1, MPI_INT, 0, comm_), "MPI_Bcast");
  text.resize(static_cast<std::size_t>(size));
  check(MPI_Bcast(text.data(), size, MPI_CHAR, 0, comm_), "MPI_Bcast");
}

std::uint64_t Ranks::maximum(std::uint64_t value) const {
  std::uint64_t most = 0;
  check(MPI_Allreduce(&value, &most, 1, MPI_UINT64_T, MPI_MAX, comm_), "MPI_Allreduce");
  return most;
}

}  // namespace farm::detail
