#pragma once

#include "spawn/service/store/stored.hpp"
#include "spawn/service/store/tables.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <variant>
#include <vector>

namespace farm::detail {

/// A thread that writes what it is given, in groups: while one transaction is synced, the next one gathers.
class StoreWriter {
 public:
  struct NewJob {
    StoredJob job{};
    std::vector<TaskSpec> tasks{};
  };
  struct RemovedGroup {
    std::uint64_t group = 0;
  };
  struct Operation {
    std::variant<std::monostate, NewJob, std::vector<TaskEnd>, JobChange, StoredGroup, RemovedGroup> what{};
    std::function<void(std::string const& error)> done{};  ///< may be empty
  };

  /// The database is there, and whole. Throws StoreError.
  explicit StoreWriter(std::filesystem::path directory);
  /// Writes what waits, if the disk permits it.
  ~StoreWriter();
  StoreWriter(StoreWriter const&) = delete;
  StoreWriter& operator=(StoreWriter const&) = delete;

  void add(Operation operation);
  [[nodiscard]] bool flush(double seconds);
  [[nodiscard]] StoreHealth health() const;
  [[nodiscard]] std::uint64_t next_job();

 private:
  using Clock = std::chrono::steady_clock;
  using Operations = std::deque<Operation>;

  void run();
  /// Returns false once all is over.
  [[nodiscard]] bool wait_for_work(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Operations take_batch();
  void write(Operations batch);
  /// Carries all out in one transaction. Returns why it was not possible; empty: all is on disk, and each operation has
  /// its answer: why it was refused.
  [[nodiscard]] std::string try_to_write(Operations const& batch, std::vector<std::string>& answers);
  [[nodiscard]] std::string carry_out(Operation const& operation);
  void settle(Operations batch, std::vector<std::string> const& answers);
  void put_back(Operations batch, std::string const& problem);
  /// Does what can wait, as long as there is nothing else to do.
  void tidy(bool idle);
  [[nodiscard]] bool has_work();

  std::filesystem::path directory_;
  StoreTables tables_;

  std::mutex mutable mutex_;
  std::condition_variable work_;
  Operations waiting_{};
  std::size_t waiting_jobs_ = 0;
  std::size_t unwritten_ = 0;  // ends and changes
  std::uint64_t next_job_;
  std::string problem_{};
  Clock::time_point next_try_{};  // if there is a problem
  bool is_tidy_ = true;
  bool is_ending_ = false;

  std::thread thread_;
};

}  // namespace farm::detail
