#include "spawn/programs/runner_link.hpp"

#include "spawn/guard/guard_link.hpp"
#include "spawn/runner/runner.hpp"

#include <poll.h>
#include <unistd.h>
#include <cerrno>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>

namespace farm::detail {
namespace {

/// How often a rank looks whether its task is to stop, in milliseconds.
constexpr int look_interval = 10;

class RunnerLink {
 public:
  explicit RunnerLink(StartedRunner runner) : socket_(std::move(runner.socket)) {
    guard_link().set_runner(runner.process);
  }

  /// Returns none if the runner is gone.
  [[nodiscard]] std::optional<ProgramEnd> run(Bytes const& start, std::function<bool()> const& is_to_stop) {
    if (!send_message(socket_.get(), start, {STDOUT_FILENO, STDERR_FILENO})) return std::nullopt;
    for (bool told = false;;) {
      pollfd event{.fd = socket_.get(), .events = POLLIN, .revents = 0};
      int const ready = poll(&event, 1, told ? -1 : look_interval);
      if (ready < 0 && errno != EINTR) return std::nullopt;
      if (ready > 0) break;
      if (told || !is_to_stop()) continue;
      told = true;
      MessageHead const stop{stop_program};
      static_cast<void>(!write(socket_.get(), &stop, sizeof stop));
    }
    MessageHead head;
    std::array<int, 2> none{-1, -1};
    if (!receive_head(socket_.get(), head, none)) return std::nullopt;
    Bytes bytes(head.size, '\0');
    if (!receive_bytes(socket_.get(), bytes.data(), bytes.size())) return std::nullopt;
    return unpack<ProgramEnd>(bytes);
  }

 private:
  Descriptor socket_;
};

}  // namespace

ProgramEnd run_by_runner(ProgramStart const& start, std::function<bool()> const& is_to_stop) {
  static std::mutex mutex;
  static std::unique_ptr<RunnerLink> link;
  static pid_t owner = -1;
  std::scoped_lock const lock{mutex};
  if (owner != getpid()) static_cast<void>(link.release());  // of the process that this one was forked from
  owner = getpid();
  if (!link) link = std::make_unique<RunnerLink>(start_runner());
  auto end = link->run(pack(start), is_to_stop);
  if (end) return *std::move(end);
  link.reset();
  throw std::runtime_error(
      "the process that starts programs for this rank (farm-runner) has ended; it was probably killed");
}

}  // namespace farm::detail
