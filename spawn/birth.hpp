#pragma once

#include "spawn/handshake.hpp"
#include "spawn/stream.hpp"

#include <cstdint>
#include <string>

namespace farm::detail {

/// What a rank must know to serve: given to it by the source of its group.
struct Birth {
  Key key{};
  std::uint64_t group = 0;
  std::string local_name;  ///< of a Unix socket in the abstract name space
  std::string host;        ///< on which local_name is
  std::string address;     ///< numeric
  std::uint16_t port = 0;
  std::string build_id;
  std::string output_directory;  ///< one file for each task's output; empty: it goes to the master

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, group, local_name, host, address, port, build_id, output_directory);
  }
};

/// A stream to the master, handshake done: over the Unix socket where the master is on this host, else over TCP. Blocks, for
/// some seconds at most. Throws SpawnError.
[[nodiscard]] Socket connect_to_master(asio::io_context& context, Birth const& birth, Hello hello);

[[nodiscard]] std::string host_name();

}  // namespace farm::detail
