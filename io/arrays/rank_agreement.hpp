#pragma once

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// The ranks of a communicator, and how they agree on values and on failure: if a function throws on one rank, all
/// ranks throw. Failures of MPI are thrown as StageError. The communicator must outlive the object.
class RankAgreement {
 public:
  explicit RankAgreement(MPI_Comm comm);

  [[nodiscard]] MPI_Comm comm() const noexcept { return comm_; }
  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }

  /// Returns the ranks' numbers in MPI_COMM_WORLD. Not collective.
  [[nodiscard]] std::vector<int> in_world() const;

  // All functions below are collective and block until all ranks have called them.

  /// Calls `f` on every rank. If `f` throws on any rank, all ranks throw StageError with the text of the first of them.
  void on_all(std::function<void()> const& f) const;
  /// Calls `f` on rank 0. If `f` throws, all ranks throw StageError.
  void on_root(std::function<void()> const& f) const;
  /// Calls `f` on rank 0 and returns its result on all ranks. If `f` throws, all ranks throw StageError.
  [[nodiscard]] std::string from_root(std::function<std::string()> const& f) const;
  /// Calls `f` on every rank and returns the results of all ranks, concatenated in the order of ranks; less than 2 GiB
  /// in total. Throws as on_all() does.
  [[nodiscard]] std::string from_all(std::function<std::string()> const& f) const;

  /// Returns the values of all ranks in the order of ranks. Every rank passes the same number of values.
  [[nodiscard]] std::vector<std::uint64_t> all_gather(std::vector<std::uint64_t> const& values) const;
  [[nodiscard]] std::uint64_t maximum(std::uint64_t value) const;

 private:
  /// Broadcasts the error of rank `first`, which failed, and throws it on all ranks.
  [[noreturn]] void fail(int first, std::string error) const;

  MPI_Comm comm_;
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace farm::detail
