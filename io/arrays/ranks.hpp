#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// The ranks of a communicator, and how they agree. Failures of MPI are thrown as StageError.
class Ranks {
 public:
  explicit Ranks(MPI_Comm comm);

  [[nodiscard]] MPI_Comm comm() const noexcept { return comm_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }

  /// Which ranks of MPI_COMM_WORLD they are; not collective.
  [[nodiscard]] std::vector<int> in_world() const;

  // What follows is collective.

  /// Each rank calls `f`, and where it throws on one, all throw StageError with the first one's text.
  void together(std::function<void()> const& f) const;
  /// The same, but only rank 0 calls `f`.
  void by_first(std::function<void()> const& f) const;
  /// The same, and all get what `f` returns.
  [[nodiscard]] std::string from_first(std::function<std::string()> const& f) const;
  /// Each rank calls `f`, and all get what it returns on all, one after the other in the order of ranks, below 2 GiB in
  /// all. Throws as together() does.
  [[nodiscard]] std::string from_all(std::function<std::string()> const& f) const;

  /// As many values of each rank, in the order of ranks.
  [[nodiscard]] std::vector<std::uint64_t> all_gather(std::vector<std::uint64_t> const& values) const;
  [[nodiscard]] std::uint64_t maximum(std::uint64_t value) const;

 private:
  /// Of the first rank that failed, to all.
  [[noreturn]] void fail(int first, std::string error) const;

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace farm::detail
