#pragma once

#include "spawn/service/model/job.hpp"
#include "spawn/service/store/store.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <vector>

namespace farm::detail {

/// Reads the inputs of tasks from the store, some thousand at a time, since tasks of a job come in their order.
class InputReader {
 public:
  explicit InputReader(Store const& store) : store_(store) {}
  /// Blocks for the disk. The result holds until the next call. Throws StoreError.
  [[nodiscard]] std::string const& input(TaskName task);

 private:
  struct Block {
    std::uint64_t job = 0;
    std::uint64_t first = 0;
    std::vector<TaskSpec> tasks{};
  };

  Store const& store_;
  std::list<Block> blocks_;  ///< the latest used first
};

}  // namespace farm::detail
