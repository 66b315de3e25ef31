#pragma once

#include "spawn/service/store/disk/schema.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// How ends of tasks lie in the database: in runs. Each commit adds one run for each job, with its ends sorted by task,
/// in rows. Small runs are merged into larger ones, so that the ends of a task are found in few rows whatever their
/// order, and so that single ends take little room.
namespace farm::detail {

/// A run has the number of the commit that wrote it, or of the last of those that were merged into it. So runs are in
/// order of time. Its level is the logarithm of its size.
struct Run {
  std::int64_t number = 0;
  std::int64_t level = 0;
};

/// So many runs are merged into one.
inline constexpr std::size_t runs_per_merge = 8;
/// Runs of this level are large enough.
inline constexpr std::int64_t top_level = 5;

[[nodiscard]] std::int64_t level_of(std::size_t ends);
/// Returns the index of the first of `runs_per_merge` runs that are to be merged, if there are at least `waiting` such
/// runs in a row; of the smallest ones. The runs are in order.
[[nodiscard]] std::optional<std::size_t> find_merge(std::vector<Run> const& runs, std::size_t waiting);
/// Returns the runs of a job, in order.
[[nodiscard]] std::vector<Run> read_runs(Database& database, std::int64_t job);

/// Lines of ends, before they are written.
class EndLines {
 public:
  /// Returns the text to which the line of an end of this task is to be appended; a call of `added` follows.
  [[nodiscard]] std::string& text() { return text_; }
  void added(std::uint64_t task);
  [[nodiscard]] std::size_t count() const { return items_.size(); }
  /// Writes them as one run, sorted. Returns it.
  Run write(Statement& insert, std::int64_t job, std::int64_t number, std::int64_t least_level = 0);

 private:
  struct Item {
    std::uint64_t task = 0;
    std::size_t begin = 0;
    std::size_t end = 0;
  };
  std::string text_;
  std::vector<Item> items_;
};

/// Merges `runs_per_merge` runs of a job, from `first`, in the transaction that is open, and replaces them in `runs`.
/// Returns how many ends they have. Throws StoreError if a row is damaged.
std::size_t merge_runs(Database& database, std::int64_t job, std::vector<Run>& runs, std::size_t first);

}  // namespace farm::detail
