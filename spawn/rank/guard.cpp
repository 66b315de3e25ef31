#include "spawn/rank/guard.hpp"

#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/log.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/read.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <memory>
#include <system_error>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;

/// Output that may wait for the master before the rank is made to wait.
constexpr std::size_t most_unsent = std::size_t{1} << 20U;
/// After a rank's end, for the master to take what it has printed.
constexpr auto unsent_limit = 60s;
/// And for what the rank has started and left behind to say its last words.
constexpr auto chatter_limit = 2s;
constexpr char const* inherited = "FARM_GUARD_DESCRIPTORS";  // for a rank that executes the program anew

GuardLink link;  // NOLINT: one per process

void check(bool good, char const* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

SharedPage* map_page(int descriptor) {
  void* const memory = mmap(nullptr, sizeof(SharedPage), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  check(memory != MAP_FAILED, "mmap");
  return static_cast<SharedPage*>(memory);
}

void write_all(int descriptor, void const* data, std::size_t size) {
  auto const* next = static_cast<char const*>(data);
  while (size != 0) {
    ssize_t const count = write(descriptor, next, size);
    if (count < 0 && errno == EINTR) continue;
    check(count > 0, "write to the guard");
    next += count;
    size -= static_cast<std::size_t>(count);
  }
}

struct Announcement {
  JoinInfo join_info;
  Hello hello;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(join_info, hello);
  }
};

/// The shared memory of a dead rank, which its launcher would remove, unless it is dead, too. Needed by: Open MPI 4
/// (vader).
void remove_shared_memory_of_the_dead() {
  char const* const job = getenv("PMIX_NAMESPACE");
  char const* const rank = getenv("PMIX_RANK");
  if (job == nullptr || rank == nullptr) return;
  auto const path = fmt::format("/dev/shm/vader_segment.{}.{}.{:x}.{}", host_name(), geteuid(),
                                std::strtoull(job, nullptr, 10), rank);
  unlink(path.c_str());
}

/// While it lives, signals wait: the handshake blocks, and is not to be interrupted by the rank's end.
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
  Guard(pid_t rank, int control, int out, int err, SharedPage* page)
      : rank_(rank),
        page_(page),
        signals_(context_, SIGCHLD),
        control_(context_, control),
        pipes_{Pipe{{context_, out}, 1, {}}, Pipe{{context_, err}, 2, {}}} {}

  [[noreturn]] void run() {
    watch_rank();
    open_early_lifeline();
    read_announcement();
    for (auto& pipe : pipes_) read_output(pipe);
    wait_for_rank();  // it may have ended before the signal was watched for
    context_.run();
    _exit(0);
  }

 private:
  struct Pipe {
    asio::posix::stream_descriptor descriptor;
    std::uint64_t number;  ///< of the stream whose lines these are
    std::string text;      ///< an unfinished line
    std::array<char, 16384> buffer{};
    bool open = true;
    bool reading = false;
  };

  void watch_rank() {
    signals_.async_wait([this](asio::error_code const& error, int /*signal*/) {
      if (error) return;
      wait_for_rank();
      watch_rank();
    });
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
    report_.note = std::string(page_->note.data(), strnlen(page_->note.data(), page_->note.size()));
    drain_end_ = std::chrono::steady_clock::now() + chatter_limit;
    limit_draining();
    leave_when_drained();
  }

  /// What the rank has started may hold the pipes open for ever: they are drained when nothing more comes, or it does
  /// not end.
  void limit_draining() {
    heard_ = false;
    drain_timer_.expires_after(200ms);
    drain_timer_.async_wait([this](asio::error_code const& error) {
      if (error || leaving_) return;
      auto const now = std::chrono::steady_clock::now();
      if (held_up_) drain_end_ = now + chatter_limit;
      if (held_up_ || (heard_ && now < drain_end_)) return limit_draining();
      leave();
    });
  }

  void read_announcement() {
    asio::async_read(control_, asio::buffer(&announcement_size_, sizeof announcement_size_),
                     [this](asio::error_code const& error, std::size_t) {
                       if (error) return;  // the rank died
                       announcement_.resize(announcement_size_);
                       asio::async_read(control_, asio::buffer(announcement_),
                                        [this](asio::error_code const& body_error, std::size_t) {
                                          if (!body_error) open_lifeline(unpack<Announcement>(announcement_));
                                        });
                     });
  }

  /// Before MPI has started the rank, so that its death meanwhile is known. Where the master cannot be reached yet, the
  /// rank will say how.
  void open_early_lifeline() {
    char const* const path = getenv("FARM_BIRTH");
    char const* const rank = getenv("PMIX_RANK");
    if (path == nullptr || rank == nullptr) return;
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
      lifeline_ = std::make_shared<Stream>(
          connect_to_master(context_, announcement.join_info, announcement.hello),
          [this](Frame const& frame) { obey(frame); },
          [this](std::string const& /*why*/) { kill_rank(); });  // the master is gone
    }
    lifeline_->output() = std::move(early_output_);
    lifeline_->start();
    lifeline_->flush();
  }

  void obey(Frame const& frame) {
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

  void kill_rank() const {
    if (!ended_) kill(rank_, SIGKILL);
  }

  Bytes& output() { return lifeline_ ? lifeline_->output() : early_output_; }

  void read_output(Pipe& pipe) {
    if (pipe.reading) return;
    pipe.reading = true;
    pipe.descriptor.async_read_some(asio::buffer(pipe.buffer),
                                    [this, &pipe](asio::error_code const& error, std::size_t count) {
                                      pipe.reading = false;
                                      if (leaving_) return;
                                      heard_ = true;
                                      pipe.text.append(pipe.buffer.data(), count);
                                      pipe.open = !error;
                                      send_lines(pipe);
                                      if (!pipe.open) return leave_when_drained();
                                      if (lifeline_ && lifeline_->unsent() > most_unsent) return read_later();
                                      read_output(pipe);
                                    });
  }

  void read_later() {
    held_up_ = true;
    pause_.expires_after(5ms);
    pause_.async_wait([this](asio::error_code const& error) {
      if (error) return;
      if (lifeline_->open() && lifeline_->unsent() > most_unsent) return read_later();
      held_up_ = false;
      heard_ = true;  // there may be more to read
      for (auto& pipe : pipes_) {
        if (pipe.open) read_output(pipe);
      }
    });
  }

  void send_lines(Pipe& pipe) {
    auto const end = pipe.open ? pipe.text.rfind('\n') : pipe.text.size() - 1;
    bool const too_long = pipe.text.size() > most_unsent;
    if (pipe.text.empty() || (end == std::string::npos && !too_long)) return;
    auto const size = end == std::string::npos ? pipe.text.size() : end + 1;
    append_frame(output(), FrameType::output, pipe.number, std::string_view{pipe.text}.substr(0, size));
    pipe.text.erase(0, size);
    if (lifeline_) lifeline_->flush();
  }

  void leave_when_drained() {
    if (ended_ && !pipes_[0].open && !pipes_[1].open) leave();
  }

  /// The rank has ended and what it printed is read: tell the master, and see it off.
  [[noreturn]] void leave() {
    leaving_ = true;
    for (auto& pipe : pipes_) {
      pipe.open = false;
      send_lines(pipe);
    }
    append_frame(output(), FrameType::exited, 0, pack(report_));
    if (lifeline_) {
      lifeline_->flush();
      auto const give_up = std::chrono::steady_clock::now() + unsent_limit;
      while (lifeline_->open() && lifeline_->unsent() != 0 && std::chrono::steady_clock::now() < give_up)
        context_.run_one_for(100ms);
    } else {
      tell_the_launcher();
    }
    if (!page_->finalized) {
      usleep(rank_death_pause_us);
      finalize_for_dead_rank();
      remove_shared_memory_of_the_dead();
    }
    usleep(finalize_linger_us);
    _exit(0);
  }

  /// The master was never reached: what the rank has printed, and how it ended, go where this process writes.
  void tell_the_launcher() const {
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
  asio::signal_set signals_;
  asio::posix::stream_descriptor control_;
  std::uint32_t announcement_size_ = 0;
  std::string announcement_;
  std::array<Pipe, 2> pipes_;
  asio::steady_timer pause_{context_};
  asio::steady_timer drain_timer_{context_};
  std::chrono::steady_clock::time_point drain_end_;
  std::shared_ptr<Stream> lifeline_;
  Bytes early_output_;
  ExitReport report_;
  bool ended_ = false;
  bool heard_ = false;    ///< something was printed since it was last asked
  bool held_up_ = false;  ///< nothing is read, as the master does not take what was printed
  bool leaving_ = false;
};

bool has_threads() {
  std::error_code error;
  std::filesystem::directory_iterator const tasks{"/proc/self/task", error};
  return !error && std::distance(begin(tasks), end(tasks)) > 1;
}

void become_rank(pid_t guard, int control, int page_descriptor, SharedPage* page, int out, int err, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != guard) _exit(1);  // it died before that
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  if (has_threads()) {  // those of the library that started them are not in this copy: start afresh
    setenv(inherited, fmt::format("{},{}", control, page_descriptor).c_str(), 1);
    execv("/proc/self/exe", argv);
    _exit(127);
  }
  link = GuardLink{control, page};
}

}  // namespace

void GuardLink::announce(JoinInfo const& join_info, Hello const& hello) const {
  Bytes const packed = pack(Announcement{join_info, hello});
  auto const size = static_cast<std::uint32_t>(packed.size());
  write_all(control_, &size, sizeof size);
  write_all(control_, packed.data(), packed.size());
}

void GuardLink::set_finalized() const {
  if (page_ != nullptr) page_->finalized = true;
}

void GuardLink::set_note(std::string_view note) const noexcept {
  if (page_ == nullptr) return;
  auto const size = std::min(note.size(), page_->note.size() - 1);
  std::memcpy(page_->note.data(), note.data(), size);
  page_->note[size] = '\0';
}

GuardLink const& guard_link() { return link; }

GuardLink split_off_guard(char** argv) {
  if (!guards_wanted()) return {};
  if (char const* const descriptors = getenv(inherited)) {
    int control = -1;
    int page = -1;
    check(std::sscanf(descriptors, "%d,%d", &control, &page) == 2, inherited);  // NOLINT: written by us
    unsetenv(inherited);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    link = GuardLink{control, map_page(page)};
    return link;
  }
  int const page_descriptor = memfd_create("farm", 0);
  check(page_descriptor >= 0 && ftruncate(page_descriptor, sizeof(SharedPage)) == 0, "memfd_create");
  auto* const page = new (map_page(page_descriptor)) SharedPage;
  int control[2];
  int out[2];
  int err[2];
  check(socketpair(AF_UNIX, SOCK_STREAM, 0, control) == 0, "socketpair");
  check(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0, "pipe");
  std::fflush(nullptr);
  pid_t const guard = getpid();
  pid_t const rank = fork();
  check(rank >= 0, "fork");
  if (rank == 0) {
    close(control[0]);
    become_rank(guard, control[1], page_descriptor, page, out[1], err[1], argv);
    close(out[0]);
    close(out[1]);
    close(err[0]);
    close(err[1]);
    return link;
  }
  close(control[1]);
  close(out[1]);
  close(err[1]);
  prctl(PR_SET_NAME, "farm-guard");
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT: cannot fail
  try {
    Guard{rank, control[0], out[0], err[0], page}.run();
  } catch (std::exception const& e) {
    log_error(fmt::format("guard: {}", e.what()));
    kill(rank, SIGKILL);
    _exit(1);
  }
}

}  // namespace farm::detail
