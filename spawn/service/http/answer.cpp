#include "spawn/service/http/answer.hpp"

#include "spawn/service/http/messages/refusal.hpp"

#include <stdexcept>

namespace farm::detail::http {

Answer::Connection::~Connection() {
  if (has_answered_) return;
  try {
    send({.status = 500, .body = error_body("the request was not answered")});
  } catch (...) {  // NOLINT: no memory; the connection stays silent
  }
}

void Answer::Connection::send(Response response) {
  if (has_answered_.exchange(true)) return;
  loop_->run([port = port_, response = std::move(response)]() mutable {
    if (auto const found = port.lock()) found->answer(std::move(response));
  });
}

std::shared_ptr<EventStream> Answer::Connection::stream() {
  if (has_answered_.exchange(true)) throw std::logic_error("the request was answered before");
  auto const queue = std::make_shared<EventQueue>([loop = loop_, port = port_] {
    loop->run([port] {
      if (auto const found = port.lock()) found->send_events();
    });
  });
  auto stream = stream_into(queue);
  bool const is_taken = loop_->run([port = port_, queue] {
    auto const found = port.lock();
    found ? found->answer_by_stream(queue) : queue->lose();
  });
  if (!is_taken) queue->lose();
  return stream;
}

void Answer::send(Response response) const { connection_->send(std::move(response)); }

std::shared_ptr<EventStream> Answer::stream() const { return connection_->stream(); }

void Answer::after(std::chrono::nanoseconds time, std::function<void()> f) const {
  connection_->after(time, std::move(f));
}

}  // namespace farm::detail::http
