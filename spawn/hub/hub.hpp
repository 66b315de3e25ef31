#pragma once

#include "spawn/group/group.hpp"
#include "spawn/join/listener.hpp"
#include "spawn/sources/group_source.hpp"
#include "spawn/wire/ring_board.hpp"
#include "spawn/wire/shared_loop.hpp"

#include <farm/worker_options.hpp>

#include <asio/steady_timer.hpp>

#include <atomic>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// The loop on which all control streams, groups and schedulers live, and the source of the groups.
class Hub {
 public:
  Hub();
  Hub(Hub const&) = delete;
  Hub& operator=(Hub const&) = delete;
  ~Hub();

  /// To be called once, before all but context() and post(): the usual one.
  void set_source(std::unique_ptr<GroupSource> source);
  /// Waits until all groups are gone and ranks that outlive them were sent away: MPI may be finalized then. False where
  /// it must not be, as a spawn is stuck in it.
  [[nodiscard]] bool close();
  /// After close(): waits until the ranks have ended, for some seconds, and ends the thread.
  void stop();

  /// That of the Runtime. Throws UsageError where there is none: no Runtime, or this is a rank.
  [[nodiscard]] static Hub& instance();
  [[nodiscard]] static bool exists();
  /// Null: there is none any more.
  static void set_instance(Hub* hub);

  [[nodiscard]] asio::io_context& context() { return loop_->context(); }
  /// The usual one for Source::automatic. One of launched groups is made when it is first asked for; throws UsageError
  /// for others than the usual one otherwise. Thread-safe.
  [[nodiscard]] GroupSource& source(Source which = Source::automatic);
  /// Where and with what key ranks are to come; the group and what concerns it are left open. Thread-safe.
  [[nodiscard]] JoinInfo join_info() const;
  /// The hub's, or a thread that runs handlers in its place.
  [[nodiscard]] bool on_thread() const { return std::this_thread::get_id() == thread_.get_id() || loop_->has_borrowed_turn(); }
  /// Where the file of a group's birth is to be.
  [[nodiscard]] static std::string join_file_path(std::uint64_t group);
  template <class F>
  void post(F f) {
    loop_->post(std::move(f));
  }
  /// For what is waited for next.
  template <class F>
  void run_or_post(F f) {
    loop_->run_or_post(std::move(f));
  }
  /// At once where this is the hub's thread.
  template <class F>
  void call(F f) {
    if (on_thread()) return f();
    post(std::move(f));
  }

  /// Ranks on other hosts will come. Throws SpawnError where they cannot, and UsageError. Blocks, unless on the hub's
  /// thread.
  void open_to_network();

  // What follows is to be called on the hub's thread.

  /// A new group, started when there are slots for it.
  std::shared_ptr<Group> start_group(int ranks, int peak_ranks, WorkerOptions const& options, Clock::duration limit,
                                     GroupOwner& owner);
  /// True where its start had not begun; the group is no more.
  bool withdraw(Group& group);
  /// Groups that wait may be started now, or never.
  void room_has_changed();
  /// No group of the source that waits or is being started will be.
  void fail_starting(GroupSource const& source, std::string const& why);
  /// The source starts no groups any more, `begun` being the one that it cannot finish: that fails, and the others that
  /// are not there yet are launched, or fail where they were not to be.
  void stop_starting(GroupSource& source, std::uint64_t begun, std::string const& why);
  /// A source has nothing left.
  void source_ended();
  /// All tasks of all tenants, present and future, end with this error.
  void interrupt(std::exception_ptr const& error);
  [[nodiscard]] std::string captured_output(Group const& group);
  void take_back(Group const& group, std::vector<Member> members);
  /// A host is silent, and is given up: so are all groups that have ranks there.
  void host_lost(std::string const& host);
  /// It is gone, and what it had taken is free.
  void forget(std::uint64_t id);
  /// The stream of a rank's tasks, before anything is sent there.
  void offer_ring(std::shared_ptr<Stream> const& stream) { rings_.offer(stream); }
  void flush_soon(std::shared_ptr<Stream> const& stream) { unflushed_.push_back(stream); }
  /// Whole lines of a rank; number 1 is stdout, 2 stderr.
  void print(std::uint64_t number, std::string_view lines);

  /// Who may give up idle ranks when another needs them.
  class Tenant {
   public:
    Tenant() = default;
    Tenant(Tenant const&) = delete;
    Tenant& operator=(Tenant const&) = delete;
    virtual ~Tenant() = default;
    virtual void others_wait(bool waiting) = 0;
    /// All tasks are to end with this error.
    virtual void interrupted(std::exception_ptr const& error) = 0;
  };
  void add_tenant(Tenant& tenant);
  void remove_tenant(Tenant& tenant) { tenants_.remove(&tenant); }

 private:
  struct GroupEntry {
    std::shared_ptr<Group> group;
    GroupSource* source = nullptr;
    int peak_ranks = 1;
    WorkerOptions options{};
    Clock::duration limit{};
    bool started = false;
  };

  void flush();
  void attach(Hello const& hello, Socket socket);
  void serve_waiting();
  void group_has_gone();
  void close_when_empty();
  void close_source(std::size_t which);
  [[nodiscard]] bool sources_ended() const;

  RingBoard rings_;
  std::shared_ptr<SharedLoop> loop_;
  std::vector<std::unique_ptr<GroupSource>> sources_;  ///< the usual one first
  std::mutex sources_mutex_;                           ///< only the hub's thread changes them
  Listener listener_;
  std::unordered_map<std::uint64_t, GroupEntry> groups_;
  std::list<std::uint64_t> waiting_;  ///< groups, for room
  std::list<Tenant*> tenants_;
  std::exception_ptr interrupted_;
  std::vector<std::shared_ptr<Stream>> unflushed_;
  std::vector<std::shared_ptr<Stream>> flushing_;
  static inline std::atomic<std::uint64_t> next_group = 1;  ///< of all hubs: files are called after groups
  std::function<void()> on_closed_;                         ///< not empty: the hub closes
  bool closed_ = false;
  bool stopping_ = false;
  asio::steady_timer stop_timer_{context()};
  std::thread thread_;
};

}  // namespace farm::detail
