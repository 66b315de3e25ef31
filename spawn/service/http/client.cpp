#include "spawn/service/http/client.hpp"

#include "core/base/descriptor.hpp"
#include "spawn/service/http/address.hpp"
#include "spawn/service/http/messages/event_text.hpp"
#include "spawn/service/http/messages/percent.hpp"
#include "spawn/service/http/messages/refusal.hpp"
#include "spawn/service/http/messages/reply_parser.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace farm::detail::http {
namespace {

using Clock = std::chrono::steady_clock;
using Why = NoAnswer::Why;

constexpr std::size_t read_at_once = 64U << 10U;

/// Until when something may take. 0 seconds: for ever.
class Deadline {
 public:
  explicit Deadline(double seconds) : seconds_(seconds) {
    if (seconds > 0 && seconds < 1e9)
      until_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{seconds});
  }
  [[nodiscard]] double seconds() const { return seconds_; }
  /// Returns the milliseconds that are left, rounded up; -1: no limit.
  [[nodiscard]] int left() const {
    if (!until_) return -1;
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 1'000'000'000));
  }

 private:
  double seconds_;
  std::optional<Clock::time_point> until_{};
};

}  // namespace

class Client::Core {
 public:
  Core(std::string address, std::string token, double limit)
      : address_(std::move(address)), token_(std::move(token)), limit_(limit), is_local_(is_path(address_)) {
    if (!is_local_) where_ = split_address(address_);
  }

  Reply request(std::string const& method, std::string const& target, std::string_view body, std::string const& type,
                double limit);
  void events(std::string const& target, std::string const& last_event, EventParser::OnEvent const& on_event,
              double silence);

 private:
  [[nodiscard]] bool is_open();
  void connect(Deadline const& until);
  void connect_local(Deadline const& until);
  void connect_port(Deadline const& until);
  [[nodiscard]] int connect_to(int family, sockaddr const* address, socklen_t size, Deadline const& until);
  Reply exchange(std::string const& head, std::string_view body, bool has_no_body, Deadline const& until);
  bool send(std::string_view head, std::string_view body, ReplyParser& reply, Deadline const& until);
  void receive(ReplyParser& reply, Deadline const& until);
  void put(ReplyParser& reply, std::string_view bytes);
  short wait(short events, Deadline const& until);
  [[nodiscard]] std::string head(std::string const& method, std::string const& target, std::string const& fields) const;
  [[noreturn]] void fail(Why why, std::string const& text);
  [[noreturn]] void fail_to_connect(int error);
  [[noreturn]] void fail_broken(std::string const& how);

  std::string address_;
  std::string token_;
  double limit_;
  bool is_local_;
  HostPort where_{};
  Descriptor socket_{};
  bool has_answer_begun_ = false;
  std::string rest_{};  ///< of the answer, which makes sense only with what comes
  std::array<char, read_at_once> input_{};
};

void Client::Core::fail(Why why, std::string const& text) {
  socket_ = Descriptor{};
  throw NoAnswer(why, text);
}

void Client::Core::fail_to_connect(int error) {
  if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR)
    fail(Why::nobody_listens, fmt::format("no server listens at {}", address_));
  fail(Why::nobody_listens, fmt::format("cannot connect to a server at {}: {}", address_, std::strerror(error)));
}

void Client::Core::fail_broken(std::string const& how) {
  fail(Why::broken, fmt::format("the server at {} {}", address_, how));
}

/// Returns true if the connection is open and nothing has come that nobody has asked for.
bool Client::Core::is_open() {
  if (!socket_) return false;
  pollfd waited{.fd = socket_.get(), .events = POLLIN, .revents = 0};
  if (poll(&waited, 1, 0) == 0) return true;
  socket_ = Descriptor{};
  return false;
}

/// Waits for some of the events. Returns those that are there.
short Client::Core::wait(short events, Deadline const& until) {
  for (;;) {
    pollfd waited{.fd = socket_.get(), .events = events, .revents = 0};
    int const left = until.left();
    int const count = poll(&waited, 1, left);
    if (count > 0) return waited.revents;
    if (count < 0 && errno != EINTR) fail_broken(fmt::format("cannot be waited for: {}", std::strerror(errno)));
    if (count == 0 && until.left() == 0)
      fail(Why::too_slow, fmt::format("the server at {} did not answer within {:g} s", address_, until.seconds()));
  }
}

void Client::Core::connect(Deadline const& until) {
  is_local_ ? connect_local(until) : connect_port(until);
  fcntl(socket_.get(), F_SETFL, fcntl(socket_.get(), F_GETFL) | O_NONBLOCK);
}

/// A Unix socket whose queue is full cannot be waited for by poll(): connect() itself does so, up to the limit.
void Client::Core::connect_local(Deadline const& until) {
  std::optional<UnixAddress> address;
  try {
    address.emplace(address_);
  } catch (std::system_error const& error) {
    fail_to_connect(error.code().value());
  }
  for (;;) {
    socket_ = Descriptor{socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (!socket_) fail_to_connect(errno);
    int const left = until.left();
    if (left >= 0) {
      timeval const limit{.tv_sec = left / 1000, .tv_usec = std::max(left % 1000, 1) * 1000};
      setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    }
    if (::connect(socket_.get(), address->get(), UnixAddress::size()) == 0) return;
    if (errno != EAGAIN && errno != EINTR) fail_to_connect(errno);
    if (until.left() == 0)
      fail(Why::too_slow, fmt::format("the server at {} did not answer within {:g} s", address_, until.seconds()));
  }
}

void Client::Core::connect_port(Deadline const& until) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  auto const host = where_.host.empty() ? std::string{"localhost"} : where_.host;
  int const error = getaddrinfo(host.c_str(), where_.port.c_str(), &hints, &found);
  if (error != 0)
    fail(Why::nobody_listens, fmt::format("cannot find the host of {}: {}", address_, gai_strerror(error)));
  std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> const owner{found, &freeaddrinfo};
  int last = ECONNREFUSED;
  for (auto const* each = found; each != nullptr; each = each->ai_next) {
    last = connect_to(each->ai_family, each->ai_addr, each->ai_addrlen, until);
    if (last != 0) continue;
    int const on = 1;
    setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return;
  }
  fail_to_connect(last);
}

/// Returns the error; 0: it is connected.
int Client::Core::connect_to(int family, sockaddr const* address, socklen_t size, Deadline const& until) {
  socket_ = Descriptor{socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket_) return errno;
  if (::connect(socket_.get(), address, size) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  wait(POLLOUT, until);
  int error = 0;
  socklen_t length = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  return error;
}

std::string Client::Core::head(std::string const& method, std::string const& target, std::string const& fields) const {
  for (char const each : method + target) {
    if ((each >= 0 && each <= ' ') || each == 127)
      throw std::invalid_argument("the target of a request has a blank in it");
  }
  auto text = fmt::format("{} {} HTTP/1.1\r\nHost: {}\r\n", method, target, is_local_ ? "localhost" : address_);
  if (!token_.empty()) fmt::format_to(std::back_inserter(text), "Authorization: Bearer {}\r\n", token_);
  return text.append(fields).append("\r\n");
}

void Client::Core::put(ReplyParser& reply, std::string_view bytes) {
  has_answer_begun_ = true;
  try {
    if (!rest_.empty()) bytes = rest_.append(bytes);
    std::string left{bytes.substr(reply.put(bytes))};
    rest_ = std::move(left);
  } catch (std::runtime_error const& error) {
    fail_broken(fmt::format("does not speak HTTP/1.1: {}", error.what()));
  }
}

/// Takes what has arrived, if anything has.
void Client::Core::receive(ReplyParser& reply, Deadline const& until) {
  for (;;) {
    auto const count = recv(socket_.get(), input_.data(), input_.size(), MSG_DONTWAIT);
    if (count > 0) return put(reply, {input_.data(), static_cast<std::size_t>(count)});
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) {
      wait(POLLIN, until);
      continue;
    }
    if (count < 0 && !has_answer_begun_) fail_broken(fmt::format("closed the connection: {}", std::strerror(errno)));
    if (!has_answer_begun_) fail_broken("closed the connection");
    try {
      return reply.put_end();
    } catch (std::runtime_error const&) {
      fail_broken("closed the connection in the middle of its answer");
    }
  }
}

/// The server may answer before it has everything, if it refuses the request. Returns true if it has everything.
bool Client::Core::send(std::string_view head, std::string_view body, ReplyParser& reply, Deadline const& until) {
  while ((!head.empty() || !body.empty()) && !reply.is_done()) {
    std::array<iovec, 2> parts{{{const_cast<char*>(head.data()), head.size()},    // NOLINT: sendmsg only reads it
                                {const_cast<char*>(body.data()), body.size()}}};  // NOLINT
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    auto const count = sendmsg(socket_.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count >= 0) {
      auto const of_head = std::min(head.size(), static_cast<std::size_t>(count));
      head.remove_prefix(of_head);
      body.remove_prefix(static_cast<std::size_t>(count) - of_head);
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return false;  // receive() finds out what the server had to say
    if ((wait(POLLIN | POLLOUT, until) & POLLIN) != 0) receive(reply, until);
  }
  return head.empty() && body.empty();
}

Reply Client::Core::exchange(std::string const& head, std::string_view body, bool has_no_body, Deadline const& until) {
  ReplyParser reply{has_no_body};
  has_answer_begun_ = false;
  rest_.clear();
  bool const is_sent = send(head, body, reply, until);
  while (!reply.is_done()) receive(reply, until);
  if (!is_sent || !reply.keep_alive()) socket_ = Descriptor{};
  return {.status = reply.status(), .body = std::move(reply.body()), .headers = std::move(reply.headers())};
}

Reply Client::Core::request(std::string const& method, std::string const& target, std::string_view body,
                            std::string const& type, double limit) {
  Deadline const until{limit < 0 ? limit_ : limit};
  std::string fields;
  if (!body.empty()) fields = fmt::format("Content-Type: {}\r\n", type);
  if (!body.empty() || method != "GET") fields += fmt::format("Content-Length: {}\r\n", body.size());
  auto const text = head(method, target, fields);
  if (is_open()) {
    try {
      return exchange(text, body, method == "HEAD", until);
    } catch (NoAnswer const& failure) {
      if (failure.why != Why::broken || has_answer_begun_) throw;
    }
  }
  connect(until);
  return exchange(text, body, method == "HEAD", until);
}

void Client::Core::events(std::string const& target, std::string const& last_event,
                          EventParser::OnEvent const& on_event, double silence) {
  struct Close {
    Descriptor& socket;
    ~Close() { socket = Descriptor{}; }
  } const close_at_end{socket_};
  Deadline const until{limit_};
  std::string fields = "Accept: text/event-stream\r\n";
  if (!last_event.empty() && last_event.find_first_of(std::string_view{"\r\n\0", 3}) == std::string::npos)
    fields += fmt::format("Last-Event-ID: {}\r\n", last_event);
  connect(until);
  has_answer_begun_ = false;
  rest_.clear();
  ReplyParser reply{false};
  send(head("GET", target, fields), {}, reply, until);
  while (!reply.has_head()) receive(reply, until);
  if (reply.status() != 200) {
    while (!reply.is_done()) receive(reply, until);
    fail_broken(fmt::format("sends no events: {}", error_in(reply.body())));
  }
  EventParser parser{last_event};
  for (;;) {
    if (!parser.put(std::exchange(reply.body(), {}), on_event) || reply.is_done()) return;
    receive(reply, Deadline{silence});
  }
}

Client::Client(std::string address, std::string token, double limit)
    : core_(std::make_unique<Core>(std::move(address), std::move(token), limit)) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Reply Client::request(std::string const& method, std::string const& target, std::string_view body,
                      std::string const& type, double limit) {
  return core_->request(method, target, body, type, limit);
}

void Client::events(
    std::string const& target, std::string const& last_event,
    std::function<bool(std::string const& id, std::string const& event, std::string const& data)> const& on_event,
    double silence) {
  core_->events(target, last_event, on_event, silence);
}

std::string encode(std::string_view text) { return percent_encode(text); }

}  // namespace farm::detail::http
