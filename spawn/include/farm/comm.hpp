#pragma once

#include <farm/detail/rank_context.hpp>

#include <mpi.h>

namespace farm {

/// A communicator: of a task's group, where it is a parameter of the task's function. Ranks are 0..size()-1.
///
/// Move-only: a copy would be a hidden collective operation. Whatever MPI offers may be used with it, as it converts to
/// MPI_Comm. Errors of MPI functions called with it are thrown as MpiError inside a task.
class Comm {
 public:
  /// Takes `comm` over: it is freed by the destructor, which is then collective over it.
  [[nodiscard]] static Comm adopt(MPI_Comm comm);
  /// Refers to `comm`, which must outlive this.
  [[nodiscard]] static Comm borrow(MPI_Comm comm);

  Comm() noexcept = default;
  Comm(Comm&& other) noexcept;
  Comm& operator=(Comm&& other) noexcept;
  Comm(Comm const&) = delete;
  Comm& operator=(Comm const&) = delete;
  ~Comm();

  [[nodiscard]] int rank() const noexcept { return rank_; }
  [[nodiscard]] int size() const noexcept { return size_; }
  [[nodiscard]] MPI_Comm native() const noexcept { return comm_; }
  operator MPI_Comm() const noexcept { return comm_; }  // NOLINT(google-explicit-constructor)

  /// Collective: returns when all ranks have called it. Throws MpiError.
  void barrier() const;

  /// Collective: a communicator of the same ranks whose messages do not meet those of this one. Throws MpiError.
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
