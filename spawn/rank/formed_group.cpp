#include "spawn/rank/formed_group.hpp"

#include "spawn/isolation/leaked_comms.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/rank/end_rank.hpp"

#include <farm/detail/log.hpp>
#include <farm/mpi_error.hpp>

#include <system_error>

namespace farm::detail {
namespace {

Comm create_comm(Form const& form, MPI_Comm all) {
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

/// If MPI has no communicator left on one of the ranks, the function fails on all of them, and they try again together.
Comm make_comm(Form const& form, MPI_Comm all, RankProcess process) try {
  return create_comm(form, all);
} catch (MpiError const&) {
  if (process != RankProcess::of_run || lowest_free_comm_number() == 0) throw;
  free_leaked_comms({all});
  return create_comm(form, all);
}

}  // namespace

StateBefore::StateBefore(RankProcess process) : process_(process) {
  if (process != RankProcess::of_master) state_.emplace();
}

StateBefore::~StateBefore() {
  if (!state_) return;
  try {
    state_->restore_all();
  } catch (std::system_error const& error) {
    if (process_ != RankProcess::of_session) end_rank(error.what(), 1);
    log_error(error.what());
  }
}

FormedGroup::FormedGroup(Form const& form, MPI_Comm all, Channel& channel, RankProcess process)
    : before_(process),
      settings_(form),
      comm_(make_comm(form, all, process)),
      server_(form.group, comm_, form.output_prefix, channel, process) {}

}  // namespace farm::detail
