#pragma once

#include "core/resources/request.hpp"
#include "core/task/frame.hpp"
#include "core/task/task.hpp"
#include "spawn/group/group_port.hpp"
#include "spawn/group/member.hpp"
#include "spawn/join/handshake.hpp"

#include <farm/initializer.hpp>

#include <asio/steady_timer.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

class Group;

/// Why a group did not become ready.
struct StartFailure {
  /// initializer: the pool's initializer threw, on the rank that `why` names. program: the program exited before its
  /// Runtime, on that rank, and would do so again.
  enum class Cause : std::uint8_t { initializer, program, other };
  std::string why;  ///< for people
  Cause cause = Cause::other;
};

/// What a group tells its owner, on the hub's thread. A group tells either on_ready() or on_start_failed(), once; a
/// ready group may tell on_lost(), once; on_gone() is the last call. A group that fails has ended itself when it tells
/// so.
class GroupOwner {
 public:
  GroupOwner() = default;
  GroupOwner(GroupOwner const&) = delete;
  GroupOwner& operator=(GroupOwner const&) = delete;
  virtual ~GroupOwner() = default;
  /// Returns what the ranks call before their first task.
  [[nodiscard]] virtual Initializer const& initializer() const = 0;
  virtual void on_ready(Group& group) = 0;
  virtual void on_start_failed(Group& group, StartFailure const& failure) = 0;
  /// A rank sends its value or its error for a task.
  virtual void on_answer(Group& group, int rank, Frame const& frame) = 0;
  /// A task tells how much of it is done, from 0 to 1.
  virtual void on_progress(Group& group, std::uint64_t task, double done) = 0;
  /// The answer to recall(): of the tasks that recall() was about, those from number `first` on will not be begun.
  virtual void on_recalled(Group& group, std::uint64_t first) = 0;
  /// A rank tells when it began and ended a task that is traced, before it answers.
  virtual void on_times(Group& group, int rank, Frame const& frame) = 0;
  /// A task has made a file. The payload is its path.
  virtual void on_staged(Group& group, Frame const& frame) = 0;
  /// A ready group has lost a rank; `how` says which, where and how. `exited` is that rank if its task has ended the
  /// process: by exit(), a Fortran STOP or MPI_Abort.
  virtual void on_lost(Group& group, std::string const& how, std::optional<int> exited) = 0;
  /// All processes of the group are gone, or are its source's again.
  virtual void on_gone(Group& group) = 0;
};

/// The master's side of one group: the streams to its ranks and their guards, from the start of the group to its end.
/// Used on the hub's thread only.
class Group : public std::enable_shared_from_this<Group> {
 public:
  /// The group is made for tasks with this request.
  Group(GroupPort& port, std::uint64_t id, Request request, GroupOwner& owner);

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] Request const& request() const { return request_; }
  [[nodiscard]] int ranks() const { return static_cast<int>(members_.size()); }
  [[nodiscard]] std::string const& host(int rank) const { return members_[static_cast<std::size_t>(rank)].host; }

  // For its source and the hub.

  /// The source has started the processes: they are to connect, and to be ready, within `limit`.
  void expect(Clock::duration limit);
  /// Makes a group of ranks that are connected already, and lets go of them when it ends. `form` is a packed Form,
  /// which the ranks are sent; they are to be ready within `limit`.
  void form(std::vector<Member> members, Bytes const& form, Clock::duration limit);
  /// The source could not start the group. Does nothing after expect() or form().
  void start_failed(std::string const& why);
  /// The launcher has ended before all ranks were connected. Does nothing if they are.
  void launch_failed(std::string const& why);
  /// The launcher was killed after all ranks were connected. MPI may end the ranks, or leave them alone.
  void launcher_killed(std::string const& why);
  /// The job of the group's ranks waits in a queue: no time limit counts until leave_queue().
  void wait_in_queue();
  /// The job of the group's ranks has left the queue. The ranks are to connect, and to be ready, within `limit`.
  void leave_queue(Clock::duration limit);
  /// Returns true if the source has not started the group yet.
  [[nodiscard]] bool is_waiting() const { return state_ == State::waiting; }
  /// Returns true if the group's ranks leave, end or are gone.
  [[nodiscard]] bool is_leaving() const { return state_ > State::ready; }
  /// Returns true if all ranks have connected, whatever has become of them.
  [[nodiscard]] bool is_complete() const;
  /// Returns true if no rank has connected, and all still may.
  [[nodiscard]] bool awaits_all_ranks() const;
  /// Returns the ranks that ended although their guards have not reported how.
  [[nodiscard]] std::vector<int> ranks_without_report() const;
  /// Returns the first rank that connected from a host and has not ended, as far as its guard has told.
  [[nodiscard]] std::optional<int> rank_on(std::string const& host) const;
  /// Connects a rank or a guard. Throws ProtocolError if it does not belong here.
  void attach(Hello const& hello, Socket socket);
  /// The host is lost, and all ranks on it with it.
  void lose_host(std::string const& host);
  /// Returns the member that is this rank.
  [[nodiscard]] Member const& member(int rank) const { return members_[static_cast<std::size_t>(rank)]; }
  /// Tells a rank which cores and devices it has from its next task on.
  void assign(std::size_t rank, Assignment const& assignment);

  // For its owner.

  /// Sends the task to each rank. Throws SerializationError if it is too large; then nothing is sent.
  void send(Task const& task, TaskHeader const& header);
  /// Asks the ranks to stop the task that is number `index` of those that the group was sent, from 0. Has no effect on
  /// ranks without guards.
  void stop(std::uint64_t index);
  /// Takes back what the group's rank has not begun of the first `end` tasks that it was sent. on_recalled() answers.
  /// Requires can_recall().
  void recall(std::uint64_t end);
  /// Returns true if the group has one rank, and this rank has a guard.
  [[nodiscard]] bool can_recall() const { return members_.size() == 1 && members_.front().lifeline != nullptr; }
  /// Lets the ranks leave. Ranks that do not within 10 s are killed. Static ranks go back to their source.
  void release();
  /// Kills the ranks; but static ranks that run no task go back to their source. Does nothing if the group has ended.
  void end();

 private:
  void send(Task const& task, TaskHeader const& header, std::string_view call);
  enum class State : std::uint8_t { waiting, connecting, preparing, ready, leaving, ending, gone };

  [[nodiscard]] bool is_awaited() const { return state_ < State::ready; }
  [[nodiscard]] bool is_in_use() const { return state_ <= State::ready; }
  void limit_start(Clock::duration limit);
  void prepare_if_complete();
  void become_ready_if_prepared();
  void on_rank_frame(std::size_t rank, Frame const& frame);
  void on_prepared(std::size_t rank, Frame const& frame);
  void listen_to(std::size_t rank);
  void dissolve(Member& member);
  void on_guard_frame(std::size_t rank, Frame const& frame);
  void on_stream_closed(std::size_t rank, std::string const& why);
  void on_lifeline_closed(std::size_t rank, std::string const& why);
  void host_is_silent(std::string host);
  [[nodiscard]] bool ended_itself(std::size_t rank) const;
  [[nodiscard]] bool spans_hosts() const;
  void lost(std::size_t rank);
  void fail(std::string const& why, StartFailure::Cause cause = StartFailure::Cause::other,
            std::optional<int> exited = std::nullopt);
  void check_gone();
  void limit_end(Clock::duration limit);
  [[nodiscard]] std::string exit_text(std::size_t rank) const;
  /// Calls f() after `time`, in place of what was to be called before. Keeps the group alive until then.
  template <class F>
  void after(Clock::duration time, F f);

  GroupPort& port_;
  FlushList& flush_list_;
  std::uint64_t id_;
  Request request_;
  GroupOwner* owner_;
  State state_ = State::waiting;
  bool is_static_ = false;        ///< the ranks outlive the group
  std::uint64_t recall_end_ = 0;  ///< the end of the latest recall: how many tasks had been sent
  std::vector<Member> members_;
  asio::steady_timer timer_;
};

}  // namespace farm::detail
