#pragma once

#include "spawn/group.hpp"
#include "spawn/listener.hpp"
#include "spawn/spawner.hpp"

#include <farm/worker_options.hpp>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>

#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// Slots of this job: how many ranks may be alive at once besides the master.
struct Slots {
  int total = 0;
  bool limited = false;  ///< false: as many as are asked for
  std::string origin;    ///< where the number comes from, for people
};

/// One per master: the thread on which all control streams, groups and schedulers live, and the slots they share.
class Hub {
 public:
  explicit Hub(Slots slots);
  Hub(Hub const&) = delete;
  Hub& operator=(Hub const&) = delete;
  ~Hub();

  /// Waits until all groups are gone, and ends the thread. False where a spawn is stuck in MPI.
  [[nodiscard]] bool stop();

  /// Throws UsageError where there is none: no Runtime, or this is a rank.
  [[nodiscard]] static Hub& instance();

  [[nodiscard]] asio::io_context& context() { return context_; }
  [[nodiscard]] Slots const& slots() const { return slots_; }
  [[nodiscard]] bool on_thread() const { return std::this_thread::get_id() == thread_.get_id(); }
  template <class F>
  void post(F f) {
    asio::post(context_, std::move(f));
  }

  // What follows is to be called on the hub's thread.

  /// A new group, started when there are slots for it.
  std::shared_ptr<Group> start_group(int ranks, int crowd, WorkerOptions const& options, Clock::duration limit,
                                     GroupOwner& owner);
  /// True where its start had not begun; the group is no more.
  bool withdraw(Group& group);
  /// It is gone: its slots are free.
  void forget(std::uint64_t id);
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
  };
  void add_tenant(Tenant& tenant) { tenants_.push_back(&tenant); }
  void remove_tenant(Tenant& tenant) { tenants_.remove(&tenant); }

 private:
  struct Known {
    std::shared_ptr<Group> group;
    bool has_slots = false;
  };

  struct Waiting {
    std::shared_ptr<Group> group;
    int crowd;
    WorkerOptions options;
    Clock::duration limit;
  };

  void run();
  void flush();
  void attach(Hello const& hello, Socket socket);
  void serve_waiting();
  void stop_when_empty();
  void spawn(Waiting const& waiting);

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  Slots slots_;
  int slots_taken_ = 0;
  Listener listener_;
  std::unordered_map<std::uint64_t, Known> groups_;
  std::list<Waiting> waiting_;  ///< for slots
  std::list<Tenant*> tenants_;
  std::vector<std::shared_ptr<Stream>> unflushed_;
  std::uint64_t next_group_ = 1;
  bool stopping_ = false;
  std::string stuck_;  ///< not empty: spawning does not work any more, and why
  std::unique_ptr<Spawner> spawner_;
  std::thread thread_;
};

}  // namespace farm::detail
