#pragma once

#include "spawn/join/handshake.hpp"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace farm::detail {

/// What a rank must know to join its master and serve. The source of its group gives it to the rank.
struct JoinInfo {
  Key key{};  ///< of this run
  std::uint64_t group = 0;
  std::string local_name;              ///< of the master's Unix socket, in the abstract namespace
  std::string host;                    ///< the master's
  std::vector<std::string> addresses;  ///< the master's, numeric; to be tried in this order
  std::uint16_t port = 0;
  std::int32_t heartbeat = 0;     ///< seconds that the other host may be silent; 0: for ever
  std::int32_t ranks = 0;         ///< the expected size of MPI_COMM_WORLD; 0: unknown
  std::string build_id;           ///< the master's
  std::string output_prefix;      ///< of the paths of output files; empty: output goes to the master
  std::string stage_directory;    ///< where tasks create files of arrays; empty: there is none
  std::string working_directory;  ///< the rank's; empty: the rank stays where it was started
  std::vector<std::pair<std::string, std::string>> environment;  ///< variables to be set in the rank
  std::vector<std::string> arguments{};  ///< of the program; empty: the rank was started with its arguments

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, group, local_name, host, addresses, port, heartbeat, ranks, build_id, output_prefix, stage_directory,
            working_directory, environment, arguments);
  }
};

/// Writes `join_info` to a new file that only this user may read. Throws SpawnError, also if `path` exists already.
void write_join_info(JoinInfo const& join_info, std::string const& path);

/// Returns `join_info` as text for an environment variable, for ranks on hosts that may not share the stage directory.
[[nodiscard]] std::string join_info_text(JoinInfo const& join_info);

/// Reads such a file, or the result of join_info_text(). Throws SpawnError if there is no file, if its content is not
/// valid, or if other users may read it.
[[nodiscard]] JoinInfo read_join_info(std::string const& path);

/// Returns the path of the file for write_join_info() of a group of this process. It lies in the stage directory, so
/// that ranks on other hosts find it, too; or in the directory of temporary files if there is no stage directory.
[[nodiscard]] std::string join_file_path(std::uint64_t group);

/// As join_file_path(), but returns a path of at most `longest` characters, which is at least 60. If the stage
/// directory's path is longer, the path leads through a descriptor of this process in /proc, so only ranks on this host
/// can use it. Throws SpawnError if the directory cannot be opened.
[[nodiscard]] std::string short_join_file_path(std::uint64_t group, std::size_t longest);

}  // namespace farm::detail
