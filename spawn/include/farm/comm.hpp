#pragma once

#include <farm/detail/rank_context.hpp>

#include <mpi.h>

namespace farm {

/// An MPI communicator. A task whose function has a parameter `farm::Comm const&` or `MPI_Comm` gets one of the ranks
/// of its group, for the duration of the call. Ranks are 0..size()-1.
///
/// A Comm is move-only, since a copy would be a hidden collective operation. It converts to MPI_Comm, so all MPI
/// functions can be used with it. Inside a task, MPI functions that fail with its communicator throw MpiError.
class Comm {
 public:
  /// Takes over `comm`. The destructor frees the communicator, so it is collective; after MPI_Finalize, it does
  /// nothing. Throws MpiError.
  [[nodiscard]] static Comm adopt(MPI_Comm comm);
  /// Refers to `comm`, which must outlive this object. Throws MpiError.
  [[nodiscard]] static Comm borrow(MPI_Comm comm);

  /// Constructs an empty Comm: native() is MPI_COMM_NULL.
  Comm() noexcept = default;
  Comm(Comm&& other) noexcept;
  Comm& operator=(Comm&& other) noexcept;
  Comm(Comm const&) = delete;
  Comm& operator=(Comm const&) = delete;
  ~Comm();

  /// Returns the rank of the calling process.
  [[nodiscard]] int rank() const noexcept { return rank_; }
  /// Returns the number of ranks.
  [[nodiscard]] int size() const noexcept { return size_; }
  /// Returns the communicator, which this object still owns or refers to.
  [[nodiscard]] MPI_Comm native() const noexcept { return comm_; }
  /// Same as native().
  operator MPI_Comm() const noexcept { return comm_; }  // NOLINT(google-explicit-constructor)

  /// Blocks until all ranks have called it. Collective. Throws MpiError.
  void barrier() const;

  /// Returns a communicator of the same ranks, whose messages are separate from those of this one. Collective, blocks.
  /// Throws MpiError.
  [[nodiscard]] Comm duplicate() const;

 private:
  Comm(MPI_Comm comm, bool owned);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
  bool owned_ = false;
};

namespace detail {

template <>
struct Binder<MPI_Comm> {
  static constexpr bool bound = true;
  static MPI_Comm bind(RankContext& rank_context) { return rank_context.comm->native(); }
};

}  // namespace detail
}  // namespace farm
