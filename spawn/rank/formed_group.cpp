#include "spawn/rank/formed_group.hpp"

#include "spawn/platform/throw_on_error.hpp"

#include <farm/mpi_error.hpp>

namespace farm::detail {
namespace {

Comm make_comm(Form const& form, MPI_Comm all) {
  MPI_Group everybody = MPI_GROUP_NULL;
  MPI_Group members = MPI_GROUP_NULL;
  MPI_Comm comm = MPI_COMM_NULL;
  check_mpi(MPI_Comm_group(all, &everybody), "MPI_Comm_group");
  check_mpi(MPI_Group_incl(everybody, static_cast<int>(form.ranks.size()), form.ranks.data(), &members),
            "MPI_Group_incl");
  // any tag would do: a rank is in one group at a time, and its groups are formed in the same order on all their ranks
  check_mpi(MPI_Comm_create_group(all, members, static_cast<int>(form.group % 32768), &comm), "MPI_Comm_create_group");
  MPI_Group_free(&members);
  MPI_Group_free(&everybody);
  throw_on_error(comm);
  return Comm::adopt(comm);
}

}  // namespace

FormedGroup::FormedGroup(Form const& form, MPI_Comm all, Channel& channel)
    : settings_(form), comm_(make_comm(form, all)), server_(form.group, comm_, form.output_directory, channel) {}

}  // namespace farm::detail
