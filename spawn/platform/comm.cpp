#include <farm/comm.hpp>
#include <farm/mpi_error.hpp>

#include <utility>

namespace farm {

Comm::Comm(MPI_Comm comm, bool owned) : comm_(comm), owned_(owned) {
  check_mpi(MPI_Comm_rank(comm, &rank_), "MPI_Comm_rank");
  check_mpi(MPI_Comm_size(comm, &size_), "MPI_Comm_size");
}

Comm Comm::adopt(MPI_Comm comm) { return {comm, true}; }
Comm Comm::borrow(MPI_Comm comm) { return {comm, false}; }

Comm::Comm(Comm&& other) noexcept
    : comm_(std::exchange(other.comm_, MPI_COMM_NULL)),
      rank_(other.rank_),
      size_(other.size_),
      owned_(std::exchange(other.owned_, false)),
      taken_(std::exchange(other.taken_, nullptr)) {}

Comm& Comm::operator=(Comm&& other) noexcept {
  std::swap(comm_, other.comm_);
  std::swap(rank_, other.rank_);
  std::swap(size_, other.size_);
  std::swap(owned_, other.owned_);
  std::swap(taken_, other.taken_);
  return *this;
}

Comm::~Comm() {
  if (!owned_) return;
  int finalized = 0;
  MPI_Finalized(&finalized);
  if (finalized == 0) MPI_Comm_free(&comm_);
}

void Comm::barrier() const { check_mpi(MPI_Barrier(comm_), "MPI_Barrier"); }

// The task may leave messages in the duplicate, and free it: see TaskComms::make().
Comm Comm::duplicate() const {
  if (taken_ != nullptr) taken_->store(true, std::memory_order_relaxed);
  MPI_Comm copy = MPI_COMM_NULL;
  check_mpi(MPI_Comm_dup(comm_, &copy), "MPI_Comm_dup");
  return adopt(copy);
}

}  // namespace farm
