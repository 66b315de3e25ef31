#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// What one attempt of a task has printed on one rank, or a program on all.
struct LogPart {
  std::uint64_t task = 0;
  std::uint32_t attempt = 0;
  std::uint64_t group = 0;
  int rank = 0;
  std::filesystem::path file{};
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
};

/// Returns the parts of a job's log, or of one of its tasks, by task, attempt, group and rank; what tasks that run have
/// printed so far is in it. `directory` is that of the job's output. Blocks for the disk. Empty if there is nothing.
[[nodiscard]] std::vector<LogPart> log_parts(std::filesystem::path const& directory, std::optional<std::uint64_t> task);

/// Returns up to `most` bytes of the parts, as if they were one text, from byte `from` on. Blocks for the disk.
[[nodiscard]] std::string read_log(std::vector<LogPart> const& parts, std::uint64_t from, std::size_t most);

}  // namespace farm::detail
