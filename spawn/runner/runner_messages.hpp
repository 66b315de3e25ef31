#pragma once

#include <farm/exit.hpp>
#include <farm/serialize.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

/// The messages between a rank and its runner: the process that starts programs for the rank. A message is a
/// MessageHead and a packed value. They travel over a socket; both ends are of the same program.
namespace farm::detail {

/// Rank to runner: a program to run. Two descriptors come with it: where the standard output and the standard error of
/// the program go by default. All paths are absolute.
struct ProgramStart {
  std::vector<std::string> command{};
  std::vector<std::string> environment{};  ///< the whole environment, as NAME=value
  std::string directory{};
  std::string input{};
  std::string input_file{};   ///< empty: `input`
  std::string output_file{};  ///< empty: the first descriptor, or captured
  std::string error_file{};   ///< empty: the second descriptor, or captured
  std::string session{};      ///< the directory for the files of MPI and its launcher; empty: none
  std::string cores{};        ///< the cpu_set_t of the rank
  std::uint64_t capture = 0;
  std::int64_t term_limit = 0;  ///< milliseconds from SIGTERM to SIGKILL, when the program is stopped
  bool make_directory = false;
  bool is_launcher = false;  ///< The program is a launcher, which gets SIGTERM also if the rank dies.
};

/// Runner to rank: how the program has ended.
struct ProgramEnd {
  std::string refusal{};  ///< why the program was not started; empty: it was
  Exit exit{};
  bool lacked_memory = false;  ///< the kernel has killed it for lack of memory
  std::string last_lines{};    ///< the last lines of its standard error
};

/// Begins each message.
struct MessageHead {
  std::uint64_t size = 0;  ///< of what follows; stop_program if nothing follows
};
/// From rank to runner: stop the program.
inline constexpr std::uint64_t stop_program = ~std::uint64_t{0};

/// Sends a message, with descriptors if there are any. Returns false if the other end is gone.
[[nodiscard]] bool send_message(int socket, Bytes const& packed, std::vector<int> const& descriptors);
/// Receives `size` bytes. Blocks. Returns false if the other end is gone.
[[nodiscard]] bool receive_bytes(int socket, void* data, std::size_t size);
/// Receives a MessageHead and, if there are any, two descriptors. Blocks. Returns false if the other end is gone.
[[nodiscard]] bool receive_head(int socket, MessageHead& head, std::array<int, 2>& descriptors);

}  // namespace farm::detail
