#pragma once

#include "spawn/service/http/event_queue.hpp"
#include "spawn/service/http/server.hpp"
#include "spawn/service/http/server_loop.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace farm::detail::http {

/// What answers ask of a connection. Used on the server's thread only.
class AnswerPort {
 public:
  AnswerPort() = default;
  AnswerPort(AnswerPort const&) = delete;
  AnswerPort& operator=(AnswerPort const&) = delete;
  virtual ~AnswerPort() = default;
  /// Answers the request that is being worked on.
  virtual void answer(Response response) = 0;
  virtual void answer_by_stream(std::shared_ptr<EventQueue> queue) = 0;
  /// Sends what the stream of events has to send.
  virtual void send_events() = 0;
};

/// The way back for the answer to one request. It may outlive the connection and the server.
class Answer::Connection {
 public:
  Connection(std::shared_ptr<ServerLoop> loop, std::weak_ptr<AnswerPort> port)
      : loop_(std::move(loop)), port_(std::move(port)) {}
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;
  /// Answers by 500 if nobody else has.
  ~Connection();
  void send(Response response);
  [[nodiscard]] std::shared_ptr<EventStream> stream();
  void after(std::chrono::nanoseconds time, std::function<void()> f) { loop_->after(time, std::move(f)); }

 private:
  std::shared_ptr<ServerLoop> loop_;
  std::weak_ptr<AnswerPort> port_;
  std::atomic<bool> has_answered_ = false;
};

}  // namespace farm::detail::http
