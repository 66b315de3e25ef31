#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/wire/socket.hpp"

#include <asio/io_context.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

/// How the processes of a group find the next master: by a file in the directory that all masters share.
namespace farm::detail {

/// The files in the directory of Outlive.
[[nodiscard]] std::filesystem::path master_file(std::filesystem::path const& directory);
[[nodiscard]] std::filesystem::path group_directory(std::filesystem::path const& directory, std::uint64_t group);

/// Tells the groups of the directory that this is their master. Throws SpawnError.
void publish_master(std::filesystem::path const& directory, JoinInfo const& master);

/// Looks for the next master of a group, for one of its guards or ranks.
class NextMaster {
 public:
  /// `of_group` is what the process has joined its first master by.
  explicit NextMaster(JoinInfo const& of_group);

  /// Returns true if the group may outlive its master.
  [[nodiscard]] bool is_sought() const noexcept { return !directory_.empty(); }
  /// The master is gone.
  void begin();
  /// Returns a connection to the next master, if there is one now. Blocks for some seconds at most.
  [[nodiscard]] std::optional<Socket> look(asio::io_context& context, Hello const& hello);

  /// To be called by the guard now and then while it looks. `busy`: the rank runs a task. `begun`: how many tasks it
  /// has begun. Returns why the group is to end, since nobody has come for too long, or its files are gone; empty if it
  /// is to wait.
  [[nodiscard]] std::string why_in_vain(bool busy, std::uint64_t begun);
  /// Removes what the group has in the directory, but for what its launcher uses. So the other guards end, too.
  void remove_files() const noexcept;

 private:
  using Clock = std::chrono::steady_clock;

  void mark_as_busy(std::uint64_t begun);
  [[nodiscard]] bool has_busy_rank(std::uint64_t begun);

  std::filesystem::path directory_;
  std::uint64_t group_;
  std::chrono::seconds limit_;
  Clock::time_point since_{};       ///< when the group was busy last, as far as known
  Clock::time_point marked_{};      ///< when this process has marked the group as busy
  Clock::time_point not_before_{};  ///< for the next attempt to connect as the file says now
  std::string tried_{};             ///< the content of the file at the last attempt
  std::int64_t mark_ = 0;           ///< the time of the mark that was seen last, in nanoseconds
  int misses_ = 0;                  ///< of the group's files, one after the other
};

/// How often a process looks for the next master.
inline constexpr std::chrono::milliseconds look_interval{200};

}  // namespace farm::detail
