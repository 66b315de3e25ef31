#pragma once

#include <sys/types.h>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A running command that starts ranks, such as mpiexec or srun. The command has a process group of its own, and its
/// output is read here. Used on the thread of its io_context; no function blocks but the destructor.
class LauncherProcess : public std::enable_shared_from_this<LauncherProcess> {
 public:
  /// mpiexec often ignores SIGTERM once something has failed.
  static constexpr std::chrono::milliseconds default_term_limit{2000};

  struct Start {
    std::vector<std::string> command;      ///< the program, looked for in PATH, and its arguments
    std::vector<std::string> environment;  ///< the whole environment, as NAME=value
    std::string directory{};               ///< the working directory; empty: that of this process
    bool ends_with_thread = false;         ///< the command gets SIGTERM when the thread that starts it ends
    bool needs_children = false;  ///< the command is ended if it has no living child for 2 s in its first minute
    std::chrono::milliseconds term_limit = default_term_limit;  ///< from SIGTERM to SIGKILL, in end()
  };
  /// Called with whole lines of the command's output. Stream 1 is stdout, 2 is stderr.
  using OnLines = std::function<void(std::uint64_t stream, std::string_view lines)>;
  /// Called once, when the command has ended and its output was read. Not called after forget().
  using OnEnded = std::function<void()>;

  /// Starts the command. Blocks until the program runs or could not be executed. Throws SpawnError, which names the
  /// command and the reason, if it cannot be started.
  static std::shared_ptr<LauncherProcess> start(asio::io_context& context, Start const& start, OnLines on_lines,
                                                OnEnded on_ended);
  LauncherProcess(LauncherProcess const&) = delete;
  LauncherProcess& operator=(LauncherProcess const&) = delete;
  /// Kills the process group of a command that has not ended, and waits for the command.
  ~LauncherProcess();

  /// Sends SIGTERM to the process group, and SIGKILL after Start::term_limit to what is left of it.
  void end();
  /// Drops the handlers: neither is called any more.
  void forget();
  [[nodiscard]] bool ended() const { return ended_; }
  /// Returns true if a signal has ended the command, also if nobody was told of its end yet.
  [[nodiscard]] bool was_killed() const;
  /// Returns "exited with status 1", "was ended by signal 9 (Killed)" or "is still running".
  [[nodiscard]] std::string exit_text() const;
  /// Returns the first three and the last four lines of the output as one line, without blank lines and rules. Empty if
  /// the command has printed nothing.
  [[nodiscard]] std::string captured_output() const;
  /// Returns what probably is the cause of a failure, in one line: an error of the farm in the output, else the first
  /// paragraph on stderr, else the first one on stdout. Empty if the command has printed nothing.
  [[nodiscard]] std::string probable_cause() const;
  /// Returns true if the command has printed more than probable_cause().
  [[nodiscard]] bool has_said_more() const { return lines_kept_ > lines_of_cause(); }

 private:
  /// Lines up to a blank line or a rule, joined.
  struct Paragraph {
    std::string text;
    std::size_t lines = 0;
    bool ended = false;
  };
  struct Pipe {
    explicit Pipe(asio::io_context& context) : descriptor(context) {}
    asio::posix::stream_descriptor descriptor;
    std::uint64_t stream = 0;
    std::string text;  ///< an unfinished line
    std::array<char, 4096> buffer{};
    bool open = true;
    Paragraph first_paragraph{};
  };

  LauncherProcess(asio::io_context& context, OnLines on_lines, OnEnded on_ended);
  void spawn(Start const& start);
  void read(Pipe& pipe);
  void take_lines(Pipe& pipe);
  void keep(std::string_view line, Paragraph& paragraph);
  [[nodiscard]] Paragraph const& cause() const;
  [[nodiscard]] std::size_t lines_of_cause() const { return cause().lines; }
  void watch();
  void watch_children();
  void collect();
  void finish_if_drained();

  OnLines on_lines_;
  OnEnded on_ended_;
  std::array<Pipe, 2> pipes_;
  asio::posix::stream_descriptor exit_;  ///< readable once the process has ended; closed if the kernel has no pidfd
  asio::steady_timer watch_timer_;
  asio::steady_timer children_timer_;
  int childless_looks_ = 0;  ///< one after the other, until now
  int looks_left_ = 60;      ///< at the children
  asio::steady_timer drain_timer_;
  asio::steady_timer kill_timer_;
  pid_t process_ = -1;
  std::chrono::milliseconds term_limit_ = default_term_limit;
  bool ending_ = false;
  bool collected_ = false;  ///< the process has ended, and waitpid() was called
  bool ended_ = false;
  std::optional<int> status_;  ///< of waitpid(); none: somebody else has called it
  std::vector<std::string> first_lines_;
  std::deque<std::string> last_lines_;
  bool lines_left_out_ = false;
  std::size_t lines_kept_ = 0;  ///< but for blank lines and rules
  Paragraph error_of_farm_;     ///< a line that a rank's farm has printed, without its mark
};

}  // namespace farm::detail
