#pragma once

#include <sys/types.h>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A command that starts ranks, such as mpiexec or srun, in a process group of its own. What it prints is read by
/// lines, of which the first and the last are kept. Used from the thread of its io_context; nothing here blocks.
class LauncherProcess : public std::enable_shared_from_this<LauncherProcess> {
 public:
  struct Start {
    std::vector<std::string> command;      ///< looked for in PATH
    std::vector<std::string> environment;  ///< all of it, NAME=value
    std::string directory{};               ///< empty: that of this process
    bool ends_with_thread = false;         ///< it gets SIGTERM when the thread that starts it ends
  };
  /// Whole lines; number 1 is stdout, 2 stderr.
  using OnLines = std::function<void(std::uint64_t number, std::string_view lines)>;
  /// It has ended, and all that it has said was read. The last call; not after forget().
  using OnEnded = std::function<void()>;

  /// Throws SpawnError where it cannot be started, which names the command and says why.
  static std::shared_ptr<LauncherProcess> start(asio::io_context& context, Start const& start, OnLines on_lines,
                                                OnEnded on_ended);
  LauncherProcess(LauncherProcess const&) = delete;
  LauncherProcess& operator=(LauncherProcess const&) = delete;
  /// Where it has not ended yet, kills it and all of its process group.
  ~LauncherProcess();

  /// SIGTERM to its process group, and SIGKILL to what is left of that 2 s later.
  void end();
  /// The handlers are not called any more.
  void forget();
  [[nodiscard]] bool ended() const { return ended_; }
  /// "exited with status 1", "was ended by signal 9 (Killed)", "is still running"
  [[nodiscard]] std::string exit_text() const;
  /// What it has said, its first and last lines, as one; without rules and blank lines. Empty: nothing.
  [[nodiscard]] std::string words() const;

 private:
  struct Pipe {
    explicit Pipe(asio::io_context& context) : descriptor(context) {}
    asio::posix::stream_descriptor descriptor;
    std::uint64_t number = 0;
    std::string text;  ///< an unfinished line
    std::array<char, 4096> buffer{};
    bool open = true;
  };

  LauncherProcess(asio::io_context& context, OnLines on_lines, OnEnded on_ended);
  void spawn(Start const& start);
  void read(Pipe& pipe);
  void take_lines(Pipe& pipe);
  void keep(std::string_view line);
  void watch();
  void collect();
  void finish_if_drained();

  OnLines on_lines_;
  OnEnded on_ended_;
  std::array<Pipe, 2> pipes_;
  asio::posix::stream_descriptor exit_;  ///< readable once the process has ended; closed where the kernel has no such
  asio::steady_timer watch_timer_;
  asio::steady_timer drain_timer_;
  asio::steady_timer kill_timer_;
  pid_t process_ = -1;
  bool ending_ = false;
  bool collected_ = false;
  bool ended_ = false;
  std::optional<int> status_;  ///< as of waitpid(); none: somebody else has taken it
  std::vector<std::string> first_lines_;
  std::deque<std::string> last_lines_;
  bool lines_left_out_ = false;
};

}  // namespace farm::detail
