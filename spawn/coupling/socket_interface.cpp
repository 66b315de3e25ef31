#include <farm/socket_interface.hpp>

#include "core/base/host_name.hpp"
#include "core/task/frame.hpp"
#include "spawn/join/connect.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/join/listener.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/launch/launcher_process.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/wire/stream.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>
#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include <unistd.h>
#include <atomic>
#include <condition_variable>
#include <cstdio>
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
using Clock = std::chrono::steady_clock;

constexpr char const* peer_variable = "FARM_PEER";

/// From the end of the stream until that of the command, which then tells how it ended.
constexpr auto fate_limit = 1s;

std::string join_file_path() {
  static std::atomic<int> count{0};
  return (std::filesystem::absolute(find_stage_directory().path) /
          fmt::format("farm-peer-{}-{}-{}", host_name(), getpid(), ++count))
      .string();
}

}  // namespace

/// The command, and the stream to the other end. All but the calls from outside is on a thread of its own.
class SocketInterface::Core {
 public:
  Core(std::vector<std::string> command, Options const& options)
      : command_(std::move(command)),
        birth_file_(join_file_path()),
        listener_(context_, [this](Hello const& hello, Socket socket) { attach(hello, std::move(socket)); }) {
    if (options.other_hosts) listener_.open_to_network();
    auto join_info = listener_.join_info();
    join_info.build_id = program_build_id();
    write_join_info(join_info, birth_file_);
    auto environment = launcher_environment();
    for (auto const& [name, value] : options.environment) environment.push_back(fmt::format("{}={}", name, value));
    environment.push_back(fmt::format("{}={}", peer_variable, birth_file_));
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
    if (!timeout) {
      changed_.wait(lock, ready);
    } else if (!changed_.wait_for(lock, *timeout, ready)) {
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

  void close(std::chrono::nanoseconds patience) {
    if (!thread_.joinable()) return;
    asio::post(context_, [this] { close_when_sent(); });
    std::unique_lock lock{mutex_};
    if (!changed_.wait_for(lock, patience, [&] { return ended_; })) {
      lock.unlock();
      asio::post(context_, [this] {
        if (process_) process_->end();
      });
      lock.lock();
      changed_.wait(lock, [&] { return ended_; });  // SIGKILL comes soon
    }
    lock.unlock();
    context_.stop();
    thread_.join();
    unlink(birth_file_.c_str());
  }

 private:
  void run() {
    try {
      process_ = LauncherProcess::start(
          context_, start_,
          [](std::uint64_t number, std::string_view lines) {
            auto* const file = number == 1 ? stdout : stderr;
            std::fwrite(lines.data(), 1, lines.size(), file);
            std::fflush(file);
          },
          [this] {
            tell([&] { ended_ = true; });
            if (!stream_ || !stream_->open()) tell_fate();
          });
    } catch (std::exception const& e) {
      tell([&] {
        ended_ = gone_ = true;
        fate_ = e.what();
      });
      return;
    }
    context_.run();
  }

  void await_peer(std::chrono::nanoseconds timeout) {
    std::unique_lock lock{mutex_};
    bool const in_time = changed_.wait_for(lock, timeout, [&] { return connected_ || gone_; });
    unlink(birth_file_.c_str());
    if (connected_) return;
    if (gone_) throw SpawnError(process_ ? fmt::format("the other end has not come: {}", fate_) : fate_);
    static_cast<void>(in_time);
    lock.unlock();
    auto const text = ask([this] { return describe(); });
    throw SpawnError(fmt::format("the other end has not come within {:g} s: {}",
                                 std::chrono::duration<double>(timeout).count(), text));
  }

  void attach(Hello const& /*hello*/, Socket socket) {
    if (stream_) throw ProtocolError("the other end has come already");
    stream_ = std::make_shared<Stream>(
        std::move(socket),
        [this](Frame const& frame) {
          if (frame.type != FrameType::message) throw ProtocolError("no such frame is expected");
          tell([&] { received_.emplace_back(frame.payload); });
        },
        [this](std::string const& /*why*/) { on_closed(); });
    stream_->start();
    tell([&] { connected_ = true; });
  }

  void on_closed() {
    tell([&] { broken_ = true; });
    if (process_->ended()) return tell_fate();
    fate_timer_.expires_after(fate_limit);
    fate_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) tell_fate();
    });
  }

  void tell_fate() {
    tell([&] {
      if (gone_) return;
      gone_ = true;
      fate_ = describe();
    });
  }

  /// Waits for what was sent to go.
  void close_when_sent() {
    if (!stream_ || !stream_->open()) return;
    if (stream_->unsent() == 0) {
      stream_->close();
      tell([&] { broken_ = true; });
      return tell_fate();
    }
    fate_timer_.expires_after(1ms);
    fate_timer_.async_wait([this](asio::error_code const& error) {
      if (!error) close_when_sent();
    });
  }

  [[nodiscard]] std::string describe() const {
    auto const words = process_->words();
    return fmt::format("the command ({}) {}{}", to_text(command_), process_->exit_text(),
                       words.empty() ? "" : "; it has said: " + words);
  }

  void check_not_gone() const {
    if (gone_) throw GroupLost(fmt::format("the other end is gone: {}", fate_));
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

  std::vector<std::string> command_;
  std::string birth_file_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  asio::steady_timer fate_timer_{context_};
  Listener listener_;
  LauncherProcess::Start start_;
  std::shared_ptr<LauncherProcess> process_;
  std::shared_ptr<Stream> stream_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Bytes> received_;
  bool connected_ = false;
  bool broken_ = false;  ///< the stream has ended
  bool gone_ = false;    ///< and it is known how
  bool ended_ = false;   ///< the command
  std::string fate_;
  std::thread thread_;
};

SocketInterface::SocketInterface() = default;
SocketInterface::SocketInterface(SocketInterface&& other) noexcept = default;
SocketInterface& SocketInterface::operator=(SocketInterface&& other) noexcept = default;
SocketInterface::~SocketInterface() { shutdown(); }

void SocketInterface::bootup(std::vector<std::string> const& command, Options const& options) {
  if (core_) throw UsageError("a command runs already: shut it down first");
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
  core_->close(patience);
  core_.reset();
}

void SocketInterface::send_bytes(Bytes const& bytes) {
  if (!core_) throw UsageError("nothing runs: call bootup() first");
  core_->send(bytes);
}

Bytes SocketInterface::receive_bytes(std::optional<std::chrono::nanoseconds> timeout) {
  if (!core_) throw UsageError("nothing runs: call bootup() first");
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
          if (frame.type != FrameType::message) throw ProtocolError("no such frame is expected");
          received_.emplace_back(frame.payload);
        },
        [](std::string const& /*why*/) {});
    stream_->start();
  }
  Core(Core const&) = delete;
  Core& operator=(Core const&) = delete;
  ~Core() { stream_->close(); }

  void send(Bytes const& bytes) {
    if (!stream_->open()) throw GroupLost("the process that has started this program is gone");
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
