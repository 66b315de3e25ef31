#include <farm/socket_interface.hpp>

#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/join/connect.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/join/listener.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/launcher_process.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/print_output.hpp"
#include "spawn/wire/stream.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/error.hpp>
#include <farm/launcher_variables.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

namespace farm {

using namespace detail;

namespace {

using namespace std::chrono_literals;

constexpr char const* peer_variable = "FARM_PEER";

/// From the end of the stream to the end of the command, whose exit status is to be part of the error.
constexpr auto exit_limit = 1s;

std::string peer_file_path() {
  static std::atomic<int> count{0};
  return (std::filesystem::absolute(find_stage_directory().path) /
          fmt::format("farm-peer-{}-{}-{}", host_name(), getpid(), ++count))
      .string();
}

}  // namespace

/// The command and the stream to its peer. Public functions are called by the user's threads; everything else runs on
/// the thread of the io_context.
class SocketInterface::Core {
 public:
  Core(std::vector<std::string> command, Options const& options)
      : command_(std::move(command)),
        join_file_(peer_file_path()),
        listener_(context_, [this](Hello const& hello, Socket socket) { attach(hello, std::move(socket)); }) {
    if (options.other_hosts) listener_.open_to_network();
    auto join_info = listener_.join_info();
    join_info.build_id = program_build_id();
    write_join_info(join_info, join_file_);
    auto environment = launcher_environment();
    for (auto const& [name, value] : options.environment) environment.push_back(fmt::format("{}={}", name, value));
    environment.push_back(fmt::format("{}={}", peer_variable, join_file_));
    start_ = {.command = command_,
              .environment = std::move(environment),
              .directory = options.working_directory,
              .ends_with_thread = true};
    thread_ = std::thread{[this] { run(); }};
    try {
      await_peer(options.timeout);
    } catch (...) {
      close(0s);
      throw;
    }
  }
  Core(Core const&) = delete;
  Core& operator=(Core const&) = delete;
  ~Core() { close(0s); }

  void send(Bytes const& bytes) {
    {
      std::scoped_lock const lock{mutex_};
      check_not_gone();
    }
    Bytes frame;
    append_frame(frame, FrameType::message, 0, bytes);
    asio::post(context_, [this, frame = std::move(frame)] {
      if (!stream_ || !stream_->open()) return;
      stream_->output() += frame;
      stream_->flush();
    });
  }

  Bytes receive(std::optional<std::chrono::nanoseconds> timeout) {
    std::unique_lock lock{mutex_};
    auto const ready = [&] { return !received_.empty() || gone_; };
    if (!wait(lock, timeout ? deadline_after(*timeout) : never, ready)) {
      throw TimeoutError(
          fmt::format("nothing was received within {:g} s", std::chrono::duration<double>(*timeout).count()));
    }
    if (received_.empty()) check_not_gone();
    auto bytes = std::move(received_.front());
    received_.pop_front();
    return bytes;
  }

  bool alive() {
    std::scoped_lock const lock{mutex_};
    return connected_ && !broken_;
  }

  /// Returns false in a forked child of the process that made this.
  [[nodiscard]] bool is_in_owner() const { return getpid() == owner_; }

  void close(std::chrono::nanoseconds patience) {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] { close_when_sent(); });
    std::unique_lock lock{mutex_};
    if (!wait(lock, deadline_after(patience), [&] { return ended_; })) {
      lock.unlock();
      asio::post(context_, [this] {
        if (process_) process_->end();
      });
      lock.lock();
      changed_.wait(lock, [&] { return ended_; });  // SIGKILL follows soon
    }
    lock.unlock();
    context_.stop();
    thread_.join();
    unlink(join_file_.c_str());
  }

 private:
  void run() {
    try {
      process_ = LauncherProcess::start(context_, start_, print_output, [this] {
        tell([&] { ended_ = true; });
        if (!stream_ || !stream_->open()) tell_gone();
      });
    } catch (std::exception const& e) {
      tell([&] {
        ended_ = gone_ = true;
        exit_text_ = text_of(e);
      });
      return;
    }
    context_.run();
  }

  void await_peer(std::chrono::nanoseconds timeout) {
    std::unique_lock lock{mutex_};
    bool const in_time = wait(lock, deadline_after(timeout), [&] { return connected_ || gone_; });
    unlink(join_file_.c_str());
    if (connected_) return;
    if (gone_) throw SpawnError(process_ ? fmt::format("the other end did not connect: {}", exit_text_) : exit_text_);
    static_cast<void>(in_time);
    lock.unlock();
    auto const text = ask([this] { return describe(); });
    throw SpawnError(fmt::format("the other end did not connect within {:g} s: {}",
                                 std::chrono::duration<double>(timeout).count(), text));
  }

  void attach(Hello const& /*hello*/, Socket socket) {
    if (stream_) throw ProtocolError("the other end is connected already");
    stream_ = std::make_shared<Stream>(
        std::move(socket),
        [this](Frame const& frame) {
          if (frame.type != FrameType::message) throw ProtocolError("a frame of another type than message");
          tell([&] { received_.emplace_back(frame.payload); });
        },
        [this](std::string const& /*why*/) { on_closed(); });
    stream_->start();
    tell([&] { connected_ = true; });
  }

  void on_closed() {
    tell([&] { broken_ = true; });
    if (process_->ended()) return tell_gone();
    exit_timer_.expires_after(exit_limit);
    exit_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) tell_gone();
    });
  }

  void tell_gone() {
    tell([&] {
      if (gone_) return;
      gone_ = true;
      exit_text_ = describe();
    });
  }

  /// Closes the stream once all output is sent.
  void close_when_sent() {
    if (!stream_ || !stream_->open()) return;
    if (stream_->unsent() == 0) {
      stream_->close();
      tell([&] { broken_ = true; });
      return tell_gone();
    }
    exit_timer_.expires_after(1ms);
    exit_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) close_when_sent();
    });
  }

  [[nodiscard]] std::string describe() const {
    auto const output = process_->captured_output();
    return fmt::format("the command ({}) {}{}", to_text(command_), process_->exit_text(),
                       output.empty() ? "" : "; its output: " + output);
  }

  void check_not_gone() const {
    if (gone_) throw GroupLost(fmt::format("the other end is gone: {}", exit_text_));
  }

  /// Waits for a condition. Returns false if it does not hold at the deadline.
  template <class Condition>
  bool wait(std::unique_lock<std::mutex>& lock, Deadline deadline, Condition holds) {
    if (deadline != never) return changed_.wait_until(lock, deadline, holds);
    changed_.wait(lock, holds);
    return true;
  }

  template <class Change>
  void tell(Change change) {
    std::scoped_lock const lock{mutex_};
    change();
    changed_.notify_all();
  }

  template <class Question>
  std::string ask(Question question) {
    std::promise<std::string> answer;
    asio::post(context_, [&] { answer.set_value(question()); });
    return answer.get_future().get();
  }

  pid_t owner_ = getpid();
  std::vector<std::string> command_;
  std::string join_file_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio::steady_timer exit_timer_{context_};
  Listener listener_;
  LauncherProcess::Start start_;
  std::shared_ptr<LauncherProcess> process_;
  std::shared_ptr<Stream> stream_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Bytes> received_;
  bool connected_ = false;
  bool broken_ = false;    ///< the stream has ended
  bool gone_ = false;      ///< the other end is gone, and exit_text_ tells how
  bool ended_ = false;     ///< the command has ended
  std::string exit_text_;  ///< how the command ended, and what it printed
  std::thread thread_;
};

SocketInterface::SocketInterface() = default;
SocketInterface::SocketInterface(SocketInterface&& other) noexcept = default;
SocketInterface& SocketInterface::operator=(SocketInterface&& other) noexcept = default;
SocketInterface::~SocketInterface() { shutdown(); }

void SocketInterface::bootup(std::vector<std::string> const& command, Options const& options) {
  if (core_) throw UsageError("a command runs already: call shutdown() first");
  if (command.empty() || command.front().empty()) throw UsageError("there is no command to start");
  if (options.timeout.count() <= 0) throw UsageError("timeout must be above 0");
  core_ = std::make_unique<Core>(command, options);
}

void SocketInterface::bootup(std::string const& command, Options const& options) {
  bootup(split_words(command), options);
}

bool SocketInterface::alive() const { return core_ && core_->alive(); }

void SocketInterface::shutdown(std::chrono::nanoseconds patience) {
  if (!core_) return;
  if (!core_->is_in_owner()) return static_cast<void>(core_.release());  // a forked child: the thread is the parent's
  core_->close(patience);
  core_.reset();
}

void SocketInterface::send_bytes(Bytes const& bytes) {
  if (!core_) throw UsageError("no command runs: call bootup() first");
  core_->send(bytes);
}

Bytes SocketInterface::receive_bytes(std::optional<std::chrono::nanoseconds> timeout) {
  if (!core_) throw UsageError("no command runs: call bootup() first");
  return core_->receive(timeout);
}

class SocketPeer::Core {
 public:
  Core() {
    char const* const path = getenv(peer_variable);
    if (path == nullptr) throw UsageError("no farm::SocketInterface has started this program");
    auto const join_info = read_join_info(path);
    Hello const hello{.group = 0,
                      .rank = 0,
                      .is_guard = false,
                      .guarded = false,
                      .pid = getpid(),
                      .host = host_name(),
                      .build_id = program_build_id()};
    stream_ = std::make_shared<Stream>(
        connect_to_master(context_, join_info, hello),
        [this](Frame const& frame) {
          if (frame.type != FrameType::message) throw ProtocolError("a frame of another type than message");
          received_.emplace_back(frame.payload);
        },
        [](std::string const& /*why*/) {});
    stream_->start();
  }
  Core(Core const&) = delete;
  Core& operator=(Core const&) = delete;
  ~Core() { stream_->close(); }

  void send(Bytes const& bytes) {
    if (!stream_->open()) throw GroupLost("the process that started this program is gone");
    append_frame(stream_->output(), FrameType::message, 0, bytes);
    stream_->flush();
    while (stream_->open() && stream_->unsent() != 0) context_.run_one();
  }

  std::optional<Bytes> receive() {
    while (received_.empty() && stream_->open()) context_.run_one();
    if (received_.empty()) return std::nullopt;
    auto bytes = std::move(received_.front());
    received_.pop_front();
    return bytes;
  }

 private:
  asio::io_context context_{1};
  std::shared_ptr<Stream> stream_;
  std::deque<Bytes> received_;
};

SocketPeer::SocketPeer() : core_(std::make_unique<Core>()) {}
SocketPeer::SocketPeer(SocketPeer&& other) noexcept = default;
SocketPeer& SocketPeer::operator=(SocketPeer&& other) noexcept = default;
SocketPeer::~SocketPeer() = default;

void SocketPeer::send_bytes(Bytes const& bytes) { core_->send(bytes); }
std::optional<Bytes> SocketPeer::receive_bytes() { return core_->receive(); }

}  // namespace farm
