#pragma once

#include <farm/detail/rank_context.hpp>

#include <mpi.h>

#include <atomic>
#include <type_traits>

namespace farm {
namespace detail {
class CommAccess;
}  // namespace detail

/// An MPI communicator. A task whose function has a parameter `farm::Comm const&` or `MPI_Comm` gets one of the ranks
/// of its group, for the duration of the call. Ranks are 0..size()-1. With MPICH it must be `farm::Comm const&`:
/// MPICH's MPI_Comm is an int, like many arguments.
///
/// Messages that a task leaves in its communicator reach no other task: after a task that took its MPI_Comm, by
/// native() or by the conversion, the next task gets a new communicator. Do not keep one from task to task.
///
/// A Comm is move-only, since a copy would be a hidden collective operation. It converts to MPI_Comm, so all MPI
/// functions can be used with it. Inside a task, MPI functions that fail with its communicator throw MpiError; with
/// MPICH they return their error, and the task fails with MpiError when its function returns.
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
  [[nodiscard]] MPI_Comm native() const noexcept {
    if (taken_ != nullptr) taken_->store(true, std::memory_order_relaxed);
    return comm_;
  }
  /// Same as native().
  operator MPI_Comm() const noexcept { return native(); }  // NOLINT(google-explicit-constructor)

  /// Blocks until all ranks have called it. Collective. Throws MpiError.
  void barrier() const;

  /// Returns a communicator of the same ranks, whose messages are separate from those of this one. Collective, blocks.
  /// Throws MpiError.
  [[nodiscard]] Comm duplicate() const;

 private:
  friend class detail::CommAccess;
  Comm(MPI_Comm comm, bool owned);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 0;
  bool owned_ = false;
  std::atomic<bool>* taken_ = nullptr;  ///< noted there: the MPI_Comm was taken; null: nobody wants to know
};

namespace detail {

/// What the farm itself may do with a Comm.
class CommAccess {
 public:
  /// Returns the communicator, and notes nothing: the farm leaves no messages there.
  [[nodiscard]] static MPI_Comm native(Comm const& comm) noexcept { return comm.comm_; }
  /// Lets `comm` set `taken` whenever its MPI_Comm is taken. `taken` must outlive `comm`.
  static void note_use(Comm& comm, std::atomic<bool>& taken) noexcept { comm.taken_ = &taken; }
};

/// MPICH's MPI_Comm is an int, so a parameter MPI_Comm is an ordinary one there.
struct NoMpiComm;

template <>
struct Binder<std::conditional_t<std::is_same_v<MPI_Comm, int>, NoMpiComm, MPI_Comm>> {
  static constexpr bool bound = true;
  static MPI_Comm bind(RankContext& rank_context) { return rank_context.comm->native(); }
};

}  // namespace detail
}  // namespace farm
