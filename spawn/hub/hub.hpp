#pragma once

#include "core/resources/budget.hpp"
#include "spawn/group/group.hpp"
#include "spawn/group/group_port.hpp"
#include "spawn/hub/hub_client.hpp"
#include "spawn/join/listener.hpp"
#include "spawn/loop/shared_loop.hpp"
#include "spawn/resources/assigner.hpp"
#include "spawn/sources/group_source.hpp"
#include "spawn/sources/source_port.hpp"
#include "spawn/wire/flush_list.hpp"
#include "spawn/wire/ring_board.hpp"

#include <farm/worker_options.hpp>

#include <asio/steady_timer.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// The master's event loop, with all groups and the sources that they come from. Control streams, groups, sources and
/// schedulers live on its thread. A group that has no room waits here until there is some.
class Hub final : private GroupPort, private SourcePort {
 public:
  /// Starts the thread, and listens for ranks of this host.
  Hub();
  Hub(Hub const&) = delete;
  Hub& operator=(Hub const&) = delete;
  /// Calls close() and stop() if that was not done.
  ~Hub() override;

  // For who owns the hub: the Runtime or a session.

  /// Sets the default source, the one for Source::automatic. Call it exactly once, before anything else but the
  /// functions for sources. Blocks.
  void set_source(std::unique_ptr<GroupSource> source);
  /// Blocks until all groups are gone and all ranks that outlive their groups were sent away. MPI may be finalized
  /// then. Returns false if MPI must not be finalized, since a call of MPI_Comm_spawn never comes back.
  [[nodiscard]] bool close();
  /// After close(): blocks until the ranks' processes have ended, for 5 s at most, and ends the thread.
  void stop();
  /// Lets ranks on other hosts connect. Blocks, unless on the hub's thread. Throws SpawnError if other hosts cannot
  /// reach this one, and UsageError if a setting is wrong. Thread-safe.
  void open_to_network() override;
  /// Returns where the master listens and the key of this run. The caller fills in what concerns the group.
  /// Thread-safe.
  [[nodiscard]] JoinInfo join_info() const override;
  /// What the sources of this hub ask of it.
  [[nodiscard]] SourcePort& source_port() { return *this; }
  /// Ends all tasks of all clients, present and future, with this error. On the hub's thread.
  void interrupt(std::exception_ptr const& error);

  /// The hub of the Runtime. Throws UsageError if this process is a rank, or has no Runtime whose ranks serve.
  [[nodiscard]] static Hub& instance();
  [[nodiscard]] static bool exists();
  /// Makes `hub` the hub of the Runtime; null if there is none any more.
  static void set_instance(Hub* hub);

  // For engines.

  [[nodiscard]] asio::io_context& context() override { return loop_->context(); }
  /// Returns the source of this kind, or the default one for Source::automatic. Makes the source of launched groups
  /// when it is first asked for. Throws UsageError if there is no other source of the kind. Thread-safe.
  [[nodiscard]] GroupSource& source(Source which = Source::automatic);
  /// Returns true on the hub's own thread, and on a thread that runs handlers in its place.
  [[nodiscard]] bool on_thread() const {
    return std::this_thread::get_id() == thread_.get_id() || loop_->has_borrowed_turn();
  }
  /// Runs `f` on the hub's thread, later, never inside this call. Thread-safe.
  template <class F>
  void post(F f) {
    loop_->post(std::move(f));
  }
  /// As post(); but runs `f` at once if the hub's thread is parked and this thread, which waits for a result next, had
  /// the loop last.
  template <class F>
  void run_or_post(F f) {
    loop_->run_or_post(std::move(f));
  }

  // For engines, on the hub's thread.

  /// Makes a group for such tasks, which the source starts when there is room. `peak_ranks` is how many ranks the pool
  /// may have at once; `limit` is how long the start may take. `client` is told if other clients' groups wait, or if
  /// only its own groups are in the way of this one; null: the group belongs to no client. Throws UsageError as
  /// source() does.
  std::shared_ptr<Group> start_group(Request const& request, int peak_ranks, WorkerOptions const& options,
                                     Clock::duration limit, GroupOwner& owner, HubClient* client = nullptr);
  /// Returns true if the group's start had not begun: the group is forgotten then, and its owner is told nothing.
  bool withdraw(Group& group);
  /// Registers a client, which must be removed before it goes.
  void add_client(HubClient& client);
  void remove_client(HubClient& client) { clients_.remove(&client); }

 private:
  struct GroupEntry {
    std::shared_ptr<Group> group;
    GroupSource* source = nullptr;
    HubClient* client = nullptr;
    int peak_ranks = 1;
    WorkerOptions options{};
    Clock::duration limit{};
    bool started = false;
  };

  // GroupPort and SourcePort
  void post(std::function<void()> f) override { loop_->post(std::move(f)); }
  [[nodiscard]] FlushList& flush_list() override { return flush_list_; }
  void offer_ring(std::shared_ptr<Stream> const& stream) override { rings_.offer(stream); }
  void print(std::uint64_t stream, std::string_view lines) override;
  [[nodiscard]] std::string captured_output(Group const& group) override;
  [[nodiscard]] bool launcher_was_killed(Group const& group) override;
  void host_lost(std::string const& host) override;
  [[nodiscard]] std::vector<Assignment> assign(Group const& group) override;
  void take_back(Group const& group, std::vector<Member> members) override;
  void forget(std::uint64_t id) override;
  void room_has_changed() override;
  void source_ended() override;
  void fail_starting(GroupSource const& source, std::string const& why) override;
  void stop_starting(GroupSource& source, std::uint64_t begun, std::string const& why) override;
  GroupSource& launched() override { return source(Source::launched); }

  template <class F>
  void run_on_thread(F f) {
    if (on_thread()) return f();
    post(std::move(f));
  }
  void attach(Hello const& hello, Socket socket);
  void serve_waiting();
  void tell_clients();
  [[nodiscard]] bool another_waits(HubClient const& client) const;
  [[nodiscard]] bool has_all_room(HubClient const& client, GroupSource const& source) const;
  void group_has_gone();
  void close_when_empty();
  void close_source(std::size_t which);
  [[nodiscard]] bool sources_ended() const;

  FlushList flush_list_;
  RingBoard rings_;
  std::shared_ptr<SharedLoop> loop_;
  std::vector<std::unique_ptr<GroupSource>> sources_;  ///< the default one first
  std::mutex sources_mutex_;                           ///< only the hub's thread changes them
  Listener listener_;
  std::unordered_map<std::uint64_t, GroupEntry> groups_;
  Assigner assigner_;
  Budget named_;  ///< the named resources of the run
  Usage named_taken_;
  std::list<std::uint64_t> waiting_;  ///< groups that wait for room, in the order in which they came
  std::list<HubClient*> clients_;
  std::exception_ptr interrupted_;
  static inline std::atomic<std::uint64_t> next_group = 1;  ///< of all hubs: files are named after groups
  std::function<void()> on_closed_;                         ///< not empty: close() waits
  bool closed_ = false;
  bool stopping_ = false;
  asio::steady_timer stop_timer_{context()};
  std::thread thread_;
};

}  // namespace farm::detail
