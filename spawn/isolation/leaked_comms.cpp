#include "spawn/isolation/leaked_comms.hpp"

#include <mpi.h>

#include <algorithm>

namespace farm::detail {

#ifdef OPEN_MPI

namespace {

/// Open MPI has 65536 context ids at most, and each communicator has one.
constexpr int most_numbers = 1 << 17;
constexpr int first_freed = 4096;
/// 8,192 communicators take some 65 MB.
constexpr int first_leaked = 8192;
/// What tasks may have at a time, far below what MPI has: if the ranks of a group have different ones, Open MPI
/// searches the common free number one by one, and many thousands of communicators take minutes.
constexpr int first_refused = 12000;
/// Almost all that Open MPI has.
constexpr int last_of_all = 65000;

MPI_Comm comm_of_number(int number) {
  MPI_Comm const comm = MPI_Comm_f2c(number);
  return comm == nullptr ? MPI_COMM_NULL : comm;
}

}  // namespace

int lowest_free_comm_number() {
  int number = 0;
  while (number < most_numbers && is_comm_number_used(number)) ++number;
  return number;
}

// number 2 is MPI_COMM_NULL itself
bool is_comm_number_used(int number) { return number <= 2 || comm_of_number(number) != MPI_COMM_NULL; }

bool are_too_many_for_tasks() { return is_comm_number_used(first_refused); }

CommShortage comm_shortage() {
  if (!is_comm_number_used(first_leaked)) return CommShortage::none;
  return is_comm_number_used(last_of_all) ? CommShortage::used_up : CommShortage::leaked;
}

void free_leaked_comms(std::vector<MPI_Comm> const& kept) {
  for (int number = first_freed; number < most_numbers; ++number) {
    MPI_Comm comm = comm_of_number(number);
    if (comm == MPI_COMM_NULL || std::find(kept.begin(), kept.end(), comm) != kept.end()) continue;
    MPI_Comm_free(&comm);
  }
}

#else

int lowest_free_comm_number() { return 0; }
bool is_comm_number_used(int /*number*/) { return false; }
bool are_too_many_for_tasks() { return false; }
CommShortage comm_shortage() { return CommShortage::none; }
void free_leaked_comms(std::vector<MPI_Comm> const& /*kept*/) {}

#endif

}  // namespace farm::detail
