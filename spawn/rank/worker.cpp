#include "spawn/rank/worker.hpp"

#include "core/base/failure.hpp"
#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/join/connect.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/process_role.hpp"
#include "spawn/platform/throw_on_error.hpp"
#include "spawn/rank/formed_group.hpp"
#include "spawn/rank/task_output.hpp"
#include "spawn/rank/task_server.hpp"
#include "spawn/rank_settings/assigned_resources.hpp"
#include "spawn/resources/affinity.hpp"
#include "spawn/resources/topology.hpp"
#include "spawn/wire/channel.hpp"

#include <farm/comm.hpp>
#include <farm/detail/code_address.hpp>
#include <farm/mpi_error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <unistd.h>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <utility>

namespace farm::detail {
namespace {

/// Runs `action`, and answers the frame that asked for it with `prepared`: done, or why not.
template <class Action>
void prepare(Channel& channel, FrameType asked, Action action) {
  Bytes answer;
  try {
    action();
  } catch (...) {
    answer = pack(current_failure());
  }
  flush_output();
  append_frame(channel.output(), FrameType::prepared, static_cast<std::uint64_t>(asked), answer);
  channel.flush();
}

/// `may_be_bound` is false for a process that belongs to the user's program.
Hello make_hello(JoinInfo const& join_info, int rank, bool may_be_bound) {
  if (!join_info.stage_directory.empty()) set_stage_directory(join_info.stage_directory);
  auto const processors = may_be_bound ? affinity_of(0) : Processors{};
  bool const is_elsewhere = !processors.empty() && join_info.host != host_name();
  return {.group = join_info.group,
          .rank = rank,
          .guarded = guard_link().guarded(),
          .pid = getpid(),
          .host = host_name(),
          .build_id = program_build_id(),
          .processors = processors,
          .cores = is_elsewhere ? to_text(Topology::of_this_machine().cores_within(processors)) : std::string{}};
}

/// Throws SpawnError if the launcher has started another number of ranks, or if MPI does not know the launcher's job.
void check_size(JoinInfo const& join_info, int size) {
  if (join_info.ranks == 0 || join_info.ranks == size) return;
  throw SpawnError(fmt::format(
      "MPI_COMM_WORLD has {} rank{} where {} were asked for: the launcher has started another number of ranks, or it "
      "is of another MPI than this program ({})",
      size, size == 1 ? "" : "s", join_info.ranks, mpi_library()));
}

Leave serve_groups(Channel& channel, MPI_Comm all, RankProcess process) {
  std::optional<FormedGroup> group;
  while (auto const frame = channel.next()) {
    if (frame->type == FrameType::leave) return frame->id == 0 ? Leave::told : Leave::told_without_mpi;
    if (frame->type == FrameType::dissolve) {
      group.reset();
    } else if (frame->type == FrameType::form) {
      prepare(channel, frame->type, [&] { group.emplace(unpack<Form>(frame->payload), all, channel, process); });
    } else if (group && frame->type == FrameType::assign) {
      group->resources().use(unpack<Assignment>(frame->payload));
      group->server().renew_state();
    } else if (group && frame->type == FrameType::initialize) {
      prepare(channel, frame->type, [&] { group->server().initialize(*frame); });
    } else if (group && frame->type == FrameType::task) {
      group->server().run(*frame);
    }
  }
  return Leave::master_is_gone;
}

}  // namespace

void serve_tasks(JoinInfo const& join_info, MPI_Comm group) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // lines printed before a death are not lost
  auto const comm = Comm::borrow(group);
  throw_on_error(group);
  throw_on_error(MPI_COMM_SELF);
  check_size(join_info, comm.size());
  auto const hello = make_hello(join_info, comm.rank(), true);
  if (hello.guarded) guard_link().announce(join_info, hello);
  asio::io_context context{1};
  Channel channel{connect_to_master(context, join_info, hello)};
  TaskServer server{join_info.group, comm, join_info.output_prefix, channel, RankProcess::of_group};
  AssignedResources resources;
  while (auto const frame = channel.next()) {
    if (frame->type == FrameType::leave) return;
    if (frame->type == FrameType::assign) {
      resources.use(unpack<Assignment>(frame->payload));
      server.renew_state();
    }
    if (frame->type == FrameType::task) server.run(*frame);
    if (frame->type == FrameType::initialize) prepare(channel, frame->type, [&] { server.initialize(*frame); });
  }
  leave_at_once();
}

Leave serve_static_groups(JoinInfo const& join_info, MPI_Comm all) {
  if (is_rank_process()) {  // in a session, process-wide settings are the user's
    std::setvbuf(stdout, nullptr, _IOLBF, 0);
    throw_on_error(MPI_COMM_WORLD);
    throw_on_error(MPI_COMM_SELF);
  }
  int rank = 0;
  check_mpi(MPI_Comm_rank(all, &rank), "MPI_Comm_rank");
  auto const hello = make_hello(join_info, rank, is_rank_process());
  if (hello.guarded) guard_link().announce(join_info, hello);
  asio::io_context context{1};
  Channel channel{connect_to_master(context, join_info, hello)};
  return serve_groups(channel, all, is_rank_process() ? RankProcess::of_run : RankProcess::of_session);
}

void serve_in_thread(Socket socket, MPI_Comm self) {
  Channel channel{std::move(socket)};
  static_cast<void>(serve_groups(channel, self, RankProcess::of_master));
}

void leave_at_once() {
  guard_link().set_note("it has lost its master");
  flush_output();
  _exit(1);
}

}  // namespace farm::detail
