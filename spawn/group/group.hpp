#pragma once

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

/// What the owner of a group is told. Calls come on the hub's thread.
class GroupOwner {
 public:
  GroupOwner() = default;
  GroupOwner(GroupOwner const&) = delete;
  GroupOwner& operator=(GroupOwner const&) = delete;
  virtual ~GroupOwner() = default;
  /// What its ranks call before their first task.
  [[nodiscard]] virtual Initializer const& initializer() const = 0;
  virtual void on_ready(Group& group) = 0;
  /// It threw, on the rank that `why` names. on_birth_failed follows.
  virtual void on_initializer_failed(Group& group, std::string const& why) = 0;
  /// Before it was ready. on_gone follows.
  virtual void on_birth_failed(Group& group, std::string const& why) = 0;
  virtual void on_answer(Group& group, int rank, Frame const& frame) = 0;
  /// A task tells how much of it is done, 0 to 1.
  virtual void on_progress(Group& group, std::uint64_t task, double done) = 0;
  /// After recall(): its tasks from number `first` on, of those sent before, will not be begun.
  virtual void on_recalled(Group& group, std::uint64_t first) = 0;
  /// Of a task that is traced, before its answer.
  virtual void on_times(Group& group, int rank, Frame const& frame) = 0;
  /// A task has made a file, whose path is the payload.
  virtual void on_staged(Group& group, Frame const& frame) = 0;
  /// Of a ready group: which rank was lost, where and how. The owner is to call end(); on_gone follows.
  virtual void on_lost(Group& group, std::string const& how) = 0;
  /// All its processes are gone; the last call.
  virtual void on_gone(Group& group) = 0;
};

/// The master's side of one group: the streams to its ranks and their guards, from birth to end. On the hub's thread
/// only.
class Group : public std::enable_shared_from_this<Group> {
 public:
  Group(GroupPort& port, std::uint64_t id, int ranks, GroupOwner& owner);

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] int ranks() const { return static_cast<int>(members_.size()); }
  [[nodiscard]] std::string const& host(int rank) const { return members_[static_cast<std::size_t>(rank)].host; }

  /// From now on its ranks are expected to come, and to be ready, within `limit`.
  void expect(Clock::duration limit);
  /// Its ranks are there: `form`, a packed Form, is what makes them a group.
  void form(std::vector<Member> members, Bytes const& form, Clock::duration limit);
  /// Its source could not start it.
  void start_failed(std::string const& why);
  /// Its ranks will not come: nothing where they have.
  void birth_failed(std::string const& why);
  /// All its ranks have come, whatever has become of them.
  [[nodiscard]] bool is_complete() const;
  /// None of them has come, and they still may.
  [[nodiscard]] bool is_unborn() const;
  /// Its source has not started it yet.
  [[nodiscard]] bool is_waiting() const { return state_ == State::waiting; }
  /// Ranks that went without their guard telling how.
  [[nodiscard]] std::vector<int> broken_off() const;
  /// A rank, or a guard, has come. Throws where it does not belong here.
  void attach(Hello const& hello, Socket socket);

  /// The same frame to each rank. Throws SerializationError where it is too large; then nothing is sent.
  void send(Task const& task, TaskHeader const& header);
  /// Asks the ranks to stop the task that is number `index` of those that were sent. Ranks without guards do not hear
  /// it.
  void stop(std::uint64_t index);
  /// Its rank is to leave what it has not begun of the first `end` tasks that were sent; answered by on_recalled. Only
  /// where can_recall().
  void recall(std::uint64_t end);
  /// It has one rank, with a guard.
  [[nodiscard]] bool can_recall() const { return members_.size() == 1 && members_.front().lifeline != nullptr; }
  /// The first of its ranks that came from a host and has not told of its end.
  [[nodiscard]] std::optional<int> rank_on(std::string const& host) const;
  /// The host is no more: neither are its ranks.
  void lose_host(std::string const& host);

  /// Lets the ranks leave; those that do not within some seconds are killed. Static ones go back to their source.
  void release();
  /// Kills the ranks; but static ones that have no task go back to their source.
  void end();

 private:
  enum class State : std::uint8_t { waiting, connecting, preparing, ready, leaving, ending, gone };

  [[nodiscard]] bool is_awaited() const { return state_ < State::ready; }
  [[nodiscard]] bool is_in_use() const { return is_awaited() || state_ == State::ready; }
  void limit_birth(Clock::duration limit);
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
  void lost(std::size_t rank);
  void fail(std::string const& how);
  void check_gone();
  void limit_end(Clock::duration limit);
  [[nodiscard]] std::string exit_text(std::size_t rank) const;
  /// The group is kept alive until the handler has run.
  template <class F>
  void after(Clock::duration time, F f);

  GroupPort& port_;
  FlushList& flush_list_;
  std::uint64_t id_;
  GroupOwner* owner_;
  State state_ = State::waiting;
  bool birth_failed_ = false;
  bool is_static_ = false;  ///< its ranks outlive it
  std::vector<Member> members_;
  asio::steady_timer timer_;
};

}  // namespace farm::detail
