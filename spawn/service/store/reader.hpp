#pragma once

#include "spawn/service/store/disk/database.hpp"
#include "spawn/service/store/stored.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

namespace farm::detail {

/// Reads the database on connections of its own, as many as there are threads that read. Thread-safe. The functions are
/// those of Store.
class StoreReader {
 public:
  explicit StoreReader(std::filesystem::path directory);
  ~StoreReader();
  StoreReader(StoreReader const&) = delete;
  StoreReader& operator=(StoreReader const&) = delete;

  [[nodiscard]] std::vector<LoadedJob> load();
  [[nodiscard]] std::vector<StoredGroup> load_groups();
  [[nodiscard]] std::vector<TaskSpec> tasks(std::uint64_t job, std::uint64_t first, std::uint64_t count);
  [[nodiscard]] std::vector<TaskEnd> ends(std::uint64_t job, std::uint64_t first, std::uint64_t count);
  [[nodiscard]] std::vector<TaskEnd> history(std::uint64_t job, std::uint64_t task);

 private:
  class Connection;
  /// Calls `use` with a connection that nobody else has, and marks the database if a damaged row is found.
  template <class Use>
  auto with_connection(Use&& use);

  std::filesystem::path directory_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Connection>> idle_{};
};

}  // namespace farm::detail
