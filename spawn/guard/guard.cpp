#include "spawn/guard/guard.hpp"

#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "spawn/environment/out_of_memory.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/guard/guard_link.hpp"
#include "spawn/guard/held_connections.hpp"
#include "spawn/join/connect.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/descendants.hpp"
#include "spawn/wire/stream.hpp"

#include <farm/detail/code_address.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// Output that may wait for the master. Beyond this, the guard stops reading, so the rank waits when it prints.
constexpr std::size_t max_unsent = std::size_t{1} << 20U;
/// So much of a rank's output is kept for the error if the rank ends before it connects.
constexpr std::size_t most_recent = 600;
/// After the rank's end: how long the guard waits for the master to take the rank's output.
constexpr auto unsent_limit = 60s;
/// After the rank's end: how long the guard reads the output of processes that the rank has left behind.
constexpr auto drain_limit = 2s;
/// After the rank's end: the output is complete when nothing was printed for this time.
constexpr auto quiet_time = 200ms;
/// After the rank's end: how long its runner has to end a program, which a launcher may have started on other hosts.
constexpr auto runner_limit = 8s;

/// Returns the shared memory that a living rank has made for the others, if it is that of Open MPI 5 (sm). Its name has
/// a number of the job that only MPI knows.
std::string shared_memory_of_open_mpi_5(pid_t rank) {
  char const* const number = getenv("PMIX_RANK");
  if (number == nullptr) return {};
  auto const end = fmt::format(".{}", number);
  std::ifstream maps{fmt::format("/proc/{}/maps", rank)};
  for (std::string line; std::getline(maps, line);) {
    auto const begin = line.find("/dev/shm/sm_segment.");
    if (begin != std::string::npos && line.ends_with(end)) return line.substr(begin);
  }
  return {};
}

/// Removes the shared memory of a dead rank; the launcher would do so unless it is dead, too. Needed by: Open MPI 4
/// (vader).
void remove_shared_memory_of_the_dead() {
  char const* const job = getenv("PMIX_NAMESPACE");
  char const* const rank = getenv("PMIX_RANK");
  if (job == nullptr || rank == nullptr) return;
  auto const path = fmt::format("/dev/shm/vader_segment.{}.{}.{:x}.{}", host_name(), geteuid(),
                                std::strtoull(job, nullptr, 10), rank);
  unlink(path.c_str());
}

/// Blocks all signals during its lifetime: the rank's end must not interrupt the handshake, which blocks.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &before_);
  }
  SignalsHeld(SignalsHeld const&) = delete;
  SignalsHeld& operator=(SignalsHeld const&) = delete;
  ~SignalsHeld() { sigprocmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

class Guard {
 public:
  explicit Guard(GuardedRank rank)
      : rank_(rank.pid),
        page_(rank.page),
        connections_(std::move(rank.connections)),
        signals_(context_, SIGCHLD),
        control_(context_, rank.control.release()),
        outputs_{Output{{context_, rank.out.release()}, 1, {}}, Output{{context_, rank.err.release()}, 2, {}}} {}

  [[noreturn]] void run() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // the runner of programs becomes a child of the guard
    watch_rank();
    open_early_lifeline();
    read_announcement();
    for (auto& output : outputs_) read_output(output);
    wait_for_rank();  // the rank may have ended before the signal set existed
    context_.run();
    _exit(0);
  }

 private:
  /// What the rank prints on stdout or stderr.
  struct Output {
    asio::posix::stream_descriptor pipe;
    std::uint64_t number;  ///< 1: stdout, 2: stderr
    std::string text;      ///< an unfinished line
    std::array<char, 16384> buffer{};
    bool open = true;
    bool reading = false;
  };

  void watch_rank() {
    signals_.async_wait([this](asio::error_code const& error, int /*signal*/) {
      if (error) return;
      wait_for_rank();
      collect_others();
      watch_rank();
    });
  }

  /// Collects processes that have lost their parent and become the guard's, once they end.
  void collect_others() const {
    for (;;) {
      siginfo_t seen{};
      if (waitid(P_ALL, 0, &seen, WEXITED | WNOHANG | WNOWAIT) != 0 || seen.si_pid == 0 || seen.si_pid == rank_) return;
      waitpid(seen.si_pid, nullptr, 0);
    }
  }

  /// Waits until nothing is left of the programs that the rank has started. Their runner ends after the rank.
  void wait_for_runner() const {
    pid_t const runner = page_->runner;
    if (runner <= 0) return;
    auto const give_up = std::chrono::steady_clock::now() + runner_limit;
    while (waitpid(runner, nullptr, WNOHANG) == 0) {
      if (std::chrono::steady_clock::now() > give_up) {
        kill(runner, SIGKILL);
        end_children();
        return;
      }
      usleep(1000);
    }
  }

  void wait_for_rank() {
    if (ended_) return;
    int status = 0;
    rusage usage{};
    if (wait4(rank_, &status, WNOHANG, &usage) != rank_) return;
    ended_ = true;
    report_.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    report_.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    report_.peak_kibibytes = usage.ru_maxrss;
    report_.left = page_->finalized && report_.signal == 0 && report_.status == 0;
    report_.early = page_->in_runtime ? 0 : 1;
    report_.note = std::string(page_->note.data(), strnlen(page_->note.data(), page_->note.size()));
    bool const was_killed = report_.signal == SIGKILL && report_.ended == 0 && lifeline_ && lifeline_->open();
    if (was_killed && memory_.has_killed(rank_)) report_.note = "the kernel has killed it for lack of memory";
    drain_end_ = std::chrono::steady_clock::now() + drain_limit;
    limit_draining();
    leave_when_drained();
  }

  /// Processes that the rank has left behind may hold the pipes open for ever. So the output counts as complete when
  /// nothing was printed for a while, and at the latest after drain_limit.
  void limit_draining() {
    has_read_ = false;
    drain_timer_.expires_after(quiet_time);
    drain_timer_.async_wait([this](asio::error_code const& error) {
      if (error || leaving_) return;
      auto const now = std::chrono::steady_clock::now();
      if (paused_) drain_end_ = now + drain_limit;
      if (paused_ || (has_read_ && now < drain_end_)) return limit_draining();
      leave();
    });
  }

  void read_announcement() {
    asio::async_read(control_, asio::buffer(&announcement_size_, sizeof announcement_size_),
                     [this](asio::error_code const& error, std::size_t) {
                       if (error) return;  // the rank has died
                       announced_ = true;
                       announcement_.resize(announcement_size_);
                       asio::async_read(control_, asio::buffer(announcement_),
                                        [this](asio::error_code const& body_error, std::size_t) {
                                          if (!body_error) open_lifeline(unpack<Announcement>(announcement_));
                                        });
                     });
  }

  /// Opens the lifeline before the rank initializes MPI, so that the master learns of a death in MPI_Init. If that
  /// fails, the rank's announcement opens the lifeline.
  void open_early_lifeline() {
    auto const& path = worker_environment().join_file;
    char const* rank = getenv("PMIX_RANK");
    if (rank == nullptr) rank = getenv("PMI_RANK");
    if (path.empty() || rank == nullptr) return;
    try {
      auto const join_info = read_join_info(path);
      connect({.join_info = join_info,
               .hello = {.group = join_info.group,
                         .rank = std::atoi(rank),
                         .guarded = true,
                         .pid = rank_,
                         .host = host_name(),
                         .build_id = program_build_id()}});
    } catch (std::exception const&) {
      lifeline_.reset();
    }
  }

  void open_lifeline(Announcement const& announcement) {
    if (lifeline_) return;
    try {
      connect(announcement);
    } catch (std::exception const&) {
      kill_rank();
    }
  }

  void connect(Announcement announcement) {
    announcement.hello.is_guard = true;
    {
      SignalsHeld const held;
      auto socket = connect_to_master(context_, announcement.join_info, announcement.hello);
      watch_master(socket.native_handle());
      lifeline_ = std::make_shared<Stream>(
          std::move(socket), [this](Frame const& frame) { handle_frame(frame); },
          [this](std::string const& /*why*/) { kill_rank(); });  // the master is gone
    }
    lifeline_->output() = std::move(early_output_);
    lifeline_->start();
    lifeline_->flush();
  }

  /// Watches the process at the other end, if it runs on this host: children of the master may hold its end of the
  /// lifeline open.
  void watch_master([[maybe_unused]] int socket) {
#ifdef SYS_pidfd_open
    ucred master{};
    socklen_t size = sizeof master;
    bool const is_known = getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &master, &size) == 0 && master.pid > 0;
    auto const descriptor = is_known ? static_cast<int>(syscall(SYS_pidfd_open, master.pid, 0U)) : -1;
    if (descriptor < 0) return;
    master_.assign(descriptor);
    master_.async_wait(asio::posix::stream_descriptor::wait_read, [this](asio::error_code const& error) {
      if (error) return;
      lifeline_->close();
      kill_rank();
    });
#endif
  }

  void handle_frame(Frame const& frame) {
    if (frame.type == FrameType::end) {
      report_.ended = 1;
      kill_rank();
    } else if (frame.type == FrameType::stop) {
      page_->to_stop = frame.id;
    } else if (frame.type == FrameType::recall) {
      append_frame(lifeline_->output(), FrameType::recalled, page_->recall(frame.id));
      lifeline_->flush();
    }
  }

  void kill_rank() {
    if (ended_) return;
    shared_memory_ = shared_memory_of_open_mpi_5(rank_);
    kill(rank_, SIGKILL);
  }

  Bytes& frames() { return lifeline_ ? lifeline_->output() : early_output_; }

  void read_output(Output& output) {
    if (output.reading) return;
    output.reading = true;
    output.pipe.async_read_some(asio::buffer(output.buffer),
                                [this, &output](asio::error_code const& error, std::size_t count) {
                                  output.reading = false;
                                  if (leaving_) return;
                                  has_read_ = true;
                                  output.text.append(output.buffer.data(), count);
                                  output.open = !error;
                                  send_lines(output);
                                  if (!output.open) return leave_when_drained();
                                  if (lifeline_ && lifeline_->unsent() > max_unsent) return read_later();
                                  read_output(output);
                                });
  }

  void read_later() {
    paused_ = true;
    pause_.expires_after(5ms);
    pause_.async_wait([this](asio::error_code const& error) {
      if (error) return;
      if (lifeline_->open() && lifeline_->unsent() > max_unsent) return read_later();
      paused_ = false;
      has_read_ = true;  // there may be more to read
      for (auto& output : outputs_) {
        if (output.open) read_output(output);
      }
    });
  }

  void send_lines(Output& output) {
    auto const end = output.open ? output.text.rfind('\n') : output.text.size() - 1;
    bool const too_long = output.text.size() > max_unsent;
    if (output.text.empty() || (end == std::string::npos && !too_long)) return;
    auto const size = end == std::string::npos ? output.text.size() : end + 1;
    if (!announced_) keep(std::string_view{output.text}.substr(0, size));
    append_frame(frames(), FrameType::output, output.number, std::string_view{output.text}.substr(0, size));
    output.text.erase(0, size);
    if (lifeline_) lifeline_->flush();
  }

  /// Keeps the latest output of a rank that has not connected: it may tell why the rank ends.
  void keep(std::string_view text) {
    for (char const c : text) {
      bool const is_break = c == '\n';
      if (is_break && !recent_.empty()) recent_ += " / ";
      if (!is_break) recent_ += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    }
    if (recent_.size() > most_recent) recent_.erase(0, recent_.size() - most_recent);
  }

  void leave_when_drained() {
    if (ended_ && !outputs_[0].open && !outputs_[1].open) leave();
  }

  /// Called when the rank has ended and its output is read: reports the end to the master, and to the launcher.
  [[noreturn]] void leave() {
    leaving_ = true;
    for (auto& output : outputs_) {
      output.open = false;
      send_lines(output);
    }
    if (recent_.ends_with(" / ")) recent_.resize(recent_.size() - 3);
    if (report_.note.empty() && !announced_ && !recent_.empty()) report_.note = "its output: " + recent_;
    append_frame(frames(), FrameType::exited, 0, pack(report_));
    if (lifeline_) {
      lifeline_->flush();
      auto const give_up = std::chrono::steady_clock::now() + unsent_limit;
      while (lifeline_->open() && lifeline_->unsent() != 0 && std::chrono::steady_clock::now() < give_up)
        context_.run_one_for(100ms);
    } else {
      print_early_output();
    }
    wait_for_runner();
    if (!page_->finalized) {
      end_held_connections(connections_.get());
      usleep(rank_death_pause_us);
      finalize_for_dead_rank();
      remove_shared_memory_of_the_dead();
      if (!shared_memory_.empty()) unlink(shared_memory_.c_str());
    }
    usleep(finalize_linger_us);
    // The launcher tells the status to a master that was never reached. mpiexec ends the whole program if a spawned
    // rank has another status than 0.
    bool const is_to_tell = !lifeline_ && worker_environment().worker == "launched";
    _exit(!is_to_tell ? 0 : report_.signal != 0 ? 128 + report_.signal : report_.status);
  }

  /// Prints the rank's output on the guard's own streams: the master was never reached.
  void print_early_output() const {
    std::string_view rest = early_output_;
    while (auto const frame = next_frame(rest)) {
      if (frame->type == FrameType::output) {
        auto* const file = frame->id == 1 ? stdout : stderr;
        std::fwrite(frame->payload.data(), 1, frame->payload.size(), file);
      }
    }
    std::fflush(stdout);
    std::fflush(stderr);
  }

  asio::io_context context_{1};
  pid_t rank_;
  SharedPage* page_;
  Descriptor connections_;
  asio::signal_set signals_;
  asio::posix::stream_descriptor control_;
  asio::posix::stream_descriptor master_{context_};  ///< readable once the master has ended; closed if not watched
  std::uint32_t announcement_size_ = 0;
  std::string announcement_;
  std::array<Output, 2> outputs_;
  asio::steady_timer pause_{context_};
  asio::steady_timer drain_timer_{context_};
  std::chrono::steady_clock::time_point drain_end_;
  std::shared_ptr<Stream> lifeline_;
  Bytes early_output_;
  ExitReport report_;
  OutOfMemory memory_;
  std::string recent_;  ///< the latest output of a rank that has not connected, in one line
  bool announced_ = false;
  bool ended_ = false;
  std::string shared_memory_{};  ///< of the rank, if it was killed
  bool has_read_ = false;        ///< output since limit_draining() last checked
  bool paused_ = false;          ///< not reading output, since the master does not take it
  bool leaving_ = false;
};

}  // namespace

void run_guard(GuardedRank rank) { Guard{std::move(rank)}.run(); }

}  // namespace farm::detail
