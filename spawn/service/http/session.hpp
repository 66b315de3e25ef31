#pragma once

#include "spawn/service/http/answer.hpp"
#include "spawn/service/http/messages/admission.hpp"
#include "spawn/service/http/messages/refusal.hpp"
#include "spawn/service/http/messages/request_parser.hpp"
#include "spawn/service/http/server.hpp"
#include "spawn/service/http/server_loop.hpp"

#include <asio/generic/stream_protocol.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace farm::detail::http {

class Session;
using Clock = std::chrono::steady_clock;

/// What the connections of a server share. Used on the server's thread only.
struct SessionContext {
  ServerOptions options{};
  Server::Handler handler{};
  AdmissionRules rules{};
  std::shared_ptr<ServerLoop> loop{};
  std::function<void(Clock::time_point)> wake_at{};  ///< has Session::check() called at this time, or earlier
  std::function<void(Session&)> remove{};            ///< is called when a connection has ended
};

/// One connection, which serves one request after the other. Its pending operations keep it alive. All is used on the
/// server's thread only.
class Session final : public AnswerPort, public std::enable_shared_from_this<Session> {
 public:
  using Socket = asio::generic::stream_protocol::socket;
  /// `port` is where it has come in; 0: the Unix socket.
  Session(std::shared_ptr<SessionContext> context, Socket socket, std::uint16_t port)
      : context_(std::move(context)), socket_(std::move(socket)), port_(port) {}
  ~Session() override;

  void start();
  /// Answers whatever comes by a refusal, and ends.
  void start_refusing(Refusal const& refusal);
  /// Does what is due: limits of time, heartbeats. Returns when to do so next.
  Clock::time_point check(Clock::time_point now);
  void close();

  void answer(Response response) override;
  void answer_by_stream(std::shared_ptr<EventQueue> queue) override;
  void send_events() override;

 private:
  /// What the connection is about.
  enum class State {
    waiting,    ///< for a request
    head,       ///< a request's head is arriving
    body,       ///< and its body
    answering,  ///< the application has the request
    writing,    ///< the answer
    streaming,  ///< events
    ending,     ///< all is said; what the client still sends is thrown away
    closed,
  };

  void read();
  void on_read(std::size_t count);
  void on_end_of_input();
  void take_bytes();
  void take_requests();
  void admit();
  void send_continue();
  void hand_over();
  void refuse(Refusal const& refusal);
  void write(std::string first, std::string second = {}, std::string third = {});
  void write_on();
  void on_written();
  void next_request();
  void end();
  void due_at(Clock::time_point when);
  void due_in(double seconds);

  std::shared_ptr<SessionContext> context_;
  Socket socket_;
  std::uint16_t port_;
  State state_ = State::waiting;
  Clock::time_point due_ = Clock::time_point::max();

  // What has arrived and is not yet taken: input_[begin_, end_)
  std::vector<char> input_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool is_reading_ = false;
  bool has_input_ended_ = false;

  // The request
  std::optional<RequestParser> parser_{};
  Target target_{};
  Admitted admitted_{};
  bool is_admitted_ = false;
  bool is_head_request_ = false;
  bool is_1_1_ = true;
  bool keep_alive_ = true;
  bool is_first_ = true;

  // What is being written
  std::array<std::string, 3> output_{};
  std::size_t written_ = 0;
  bool is_writing_ = false;

  std::shared_ptr<EventQueue> events_{};
  bool has_sent_last_chunk_ = false;
};

}  // namespace farm::detail::http
