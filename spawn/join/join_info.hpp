#pragma once

#include "spawn/join/handshake.hpp"
#include "spawn/wire/stream.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail {

/// What a rank must know to serve: given to it by the source of its group.
struct JoinInfo {
  Key key{};
  std::uint64_t group = 0;
  std::string local_name;              ///< of a Unix socket in the abstract name space
  std::string host;                    ///< on which local_name is
  std::vector<std::string> addresses;  ///< numeric, of the same host: to be tried one after the other
  std::uint16_t port = 0;
  std::int32_t heartbeat = 0;  ///< seconds that the other host may be silent; 0: for ever
  std::int32_t ranks = 0;      ///< that are to be in MPI_COMM_WORLD; 0: not known
  std::string build_id;
  std::string output_directory;  ///< one file for each task's output; empty: it goes to the master
  std::string stage_directory;   ///< where tasks make the files of arrays; empty: there is none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, group, local_name, host, addresses, port, heartbeat, ranks, build_id, output_directory,
            stage_directory);
  }
};

/// Longer than a master lets a visitor be silent: it may have to wait for many of those.
inline constexpr std::chrono::milliseconds connect_patience{30'000};

/// A stream to the master, handshake done: over the Unix socket where the master is on this host, else over TCP. Blocks
/// for `patience` at most. Throws SpawnError where the master cannot be reached in that time or does not hold the key.
[[nodiscard]] Socket connect_to_master(asio::io_context& context, JoinInfo const& join_info, Hello const& hello,
                                       std::chrono::milliseconds patience = connect_patience);

/// What a rank must know, in a file that only this user may read; `path` must not exist yet. Throws SpawnError.
void write_join_info(JoinInfo const& join_info, std::string const& path);
[[nodiscard]] JoinInfo read_join_info(std::string const& path);

/// Returns the path of the file for write_join_info() of a group of this process. It lies in the stage directory, so
/// that ranks on other hosts find it, too.
[[nodiscard]] std::string join_file_path(std::uint64_t group);

}  // namespace farm::detail
