#include "spawn/service/http/server.hpp"

#include "core/base/host_name.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/service/http/listening.hpp"
#include "spawn/service/http/session.hpp"
#include "spawn/wire/open_socket.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <list>
#include <optional>
#include <thread>
#include <unordered_set>

namespace farm::detail::http {
namespace {

/// So many connections that were refused may wait for their clients to read why; further ones are closed at once.
constexpr std::size_t most_refused = 128;
/// How many connections are accepted before those that are there get a turn.
constexpr int accepted_at_once = 32;
/// How long to wait before accepting again after the system lacked descriptors or memory.
constexpr auto retry_after = std::chrono::milliseconds{50};

/// Returns true if the process at the other end of a Unix socket runs as this user or root.
bool is_of_this_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (peer.uid == geteuid() || peer.uid == 0);
}

std::string lower_case(std::string text) {
  for (char& each : text) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return text;
}

/// Returns the names by which clients may ask for this host.
std::vector<std::string> host_names(std::vector<std::string> const& listen) {
  auto const whole = lower_case(host_name());
  std::vector<std::string> names{whole, whole.substr(0, whole.find('.'))};
  for (auto const& address : listen) names.push_back(lower_case(address.substr(0, address.rfind(':'))));
  return names;
}

}  // namespace

class Server::Core {
 public:
  Core(ServerOptions options, Handler handler);
  Core(Core const&) = delete;
  Core& operator=(Core const&) = delete;
  ~Core();

  [[nodiscard]] std::vector<std::string> const& addresses() const { return addresses_; }
  [[nodiscard]] std::size_t connections() const { return count_; }
  [[nodiscard]] ServerLoop& loop() { return *loop_; }

 private:
  /// A socket that listens, and the port; 0: the Unix socket.
  struct Door {
    Door(asio::io_context& context, std::uint16_t number) : socket(context), retry(context), port(number) {}
    asio::posix::stream_descriptor socket;
    asio::steady_timer retry;
    std::uint16_t port;
  };

  void open_doors(ServerOptions const& options);
  void run();
  void shut();
  void wait(Door& door);
  void accept(Door& door);
  void let_in(int descriptor, std::uint16_t port);
  void retry(Door& door);
  void wake_at(Clock::time_point when);
  void check_all();
  void remove(Session& session);

  std::shared_ptr<ServerLoop> loop_ = std::make_shared<ServerLoop>();
  std::shared_ptr<SessionContext> context_ = std::make_shared<SessionContext>();
  std::optional<LocalListening> local_{};
  std::vector<std::string> addresses_{};
  std::list<Door> doors_{};
  std::unordered_set<std::shared_ptr<Session>> sessions_{};
  std::unordered_set<std::shared_ptr<Session>> refused_{};
  std::atomic<std::size_t> count_ = 0;
  asio::steady_timer timer_{loop_->context()};
  Clock::time_point wakes_at_ = Clock::time_point::max();
  bool failure_logged_ = false;
  bool is_shut_ = false;
  std::thread thread_{};
};

Server::Core::Core(ServerOptions options, Handler handler) {
  open_doors(options);
  context_->rules = {options.token, options.page_key, host_names(options.listen)};
  context_->options = std::move(options);
  context_->handler = std::move(handler);
  context_->loop = loop_;
  context_->wake_at = [this](Clock::time_point when) { wake_at(when); };
  context_->remove = [this](Session& session) { remove(session); };
  for (auto& door : doors_) wait(door);
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the program's threads
  try {
    thread_ = std::thread{[this] { run(); }};
  } catch (...) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    throw;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void Server::Core::open_doors(ServerOptions const& options) {
  auto const add = [this](Descriptor socket, std::uint16_t port) {
    auto& door = doors_.emplace_back(loop_->context(), port);
    door.socket.assign(socket.get());
    static_cast<void>(socket.release());
    door.socket.non_blocking(true);
  };
  if (!options.socket.empty()) add(local_.emplace(options.socket).take(), 0);
  for (auto const& address : options.listen) {
    for (auto& listening : listen_at(address)) {
      add(std::move(listening.socket), listening.port);
      addresses_.push_back(listening.address);
    }
  }
}

Server::Core::~Core() {
  loop_->end([this] { shut(); });
  thread_.join();
}

void Server::Core::run() {
  for (;;) {
    try {
      return loop_->run();
    } catch (...) {
      log_error(fmt::format("the HTTP server goes on after an error: {}", current_exception_text()));
    }
  }
}

void Server::Core::shut() {
  is_shut_ = true;
  timer_.cancel();
  for (auto& door : doors_) {
    asio::error_code ignored;
    door.socket.close(ignored);
    door.retry.cancel();
  }
  for (auto* const all : {&sessions_, &refused_}) {
    auto const closing = *all;
    for (auto const& session : closing) session->close();
  }
}

void Server::Core::wait(Door& door) {
  door.socket.async_wait(asio::posix::stream_descriptor::wait_read, [this, &door](asio::error_code const& error) {
    if (!error && !is_shut_) accept(door);
  });
}

void Server::Core::accept(Door& door) {
  for (int i = 0; i < accepted_at_once; ++i) {
    int const descriptor = accept_socket(door.socket.native_handle());
    if (descriptor >= 0) {
      failure_logged_ = false;
      let_in(descriptor, door.port);
      continue;
    }
    if (errno == EAGAIN) break;
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (!std::exchange(failure_logged_, true))
      log_error(fmt::format("HTTP connections have to wait: {}", std::strerror(errno)));
    return retry(door);
  }
  wait(door);
}

void Server::Core::retry(Door& door) {
  door.retry.expires_after(retry_after);
  door.retry.async_wait([this, &door](asio::error_code const&) {
    if (!is_shut_) wait(door);
  });
}

void Server::Core::let_in(int descriptor, std::uint16_t port) {
  Descriptor owner{descriptor};
  int const family = port == 0 ? AF_UNIX : AF_INET;
  if (port != 0) {
    int const on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);  // clients whose host is lost
  }
  std::optional<Refusal> refusal;
  if (port == 0 && !is_of_this_user(descriptor)) refusal.emplace(403, "only the user of this server may speak to it");
  auto const most = context_->options.most_connections;
  if (sessions_.size() >= most) refusal.emplace(503, fmt::format("the server has {} connections already", most));
  if (refusal && refused_.size() >= most_refused) return;
  Session::Socket socket{loop_->context()};
  socket.assign(asio::generic::stream_protocol{family, 0}, descriptor);
  static_cast<void>(owner.release());
  auto const session = std::make_shared<Session>(context_, std::move(socket), port);
  if (refusal) {
    refused_.insert(session);
    return session->start_refusing(*refusal);
  }
  sessions_.insert(session);
  count_ = sessions_.size();
  session->start();
}

void Server::Core::remove(Session& session) {
  auto const found = session.shared_from_this();
  refused_.erase(found);
  sessions_.erase(found);
  count_ = sessions_.size();
}

/// The timer is for all connections. Most limits are never reached, and each request sets some: so the timer moves only
/// if a limit is earlier than all others.
void Server::Core::wake_at(Clock::time_point when) {
  if (when >= wakes_at_ || is_shut_) return;
  wakes_at_ = when;
  timer_.expires_at(when);
  timer_.async_wait([this](asio::error_code const& error) {
    if (!error && !is_shut_) check_all();
  });
}

void Server::Core::check_all() {
  wakes_at_ = Clock::time_point::max();
  auto const now = Clock::now();
  auto next = Clock::time_point::max();
  for (auto* const all : {&sessions_, &refused_}) {
    auto const present = *all;
    for (auto const& session : present) next = std::min(next, session->check(now));
  }
  wake_at(next);
}

Server::Server(ServerOptions options, Handler handler)
    : core_(std::make_unique<Core>(std::move(options), std::move(handler))) {}
Server::~Server() = default;
std::vector<std::string> Server::addresses() const { return core_->addresses(); }
std::size_t Server::connections() const { return core_->connections(); }
void Server::post(std::function<void()> f) { core_->loop().post(std::move(f)); }

}  // namespace farm::detail::http
