#include "spawn/service/http/session.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/service/http/messages/response_head.hpp"

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <cstring>
#include <new>
#include <string_view>
#include <utility>

namespace farm::detail::http {
namespace {

constexpr std::size_t read_at_once = 32U << 10U;
/// What a client may send ahead of the answer; more waits in the kernel.
constexpr std::size_t most_ahead = 64U << 10U;
/// How long a client may take to notice that the connection is to end.
constexpr double linger = 2;

}  // namespace

Session::~Session() {
  if (events_) events_->lose();
}

void Session::start() {
  due_in(context_->options.head_limit);
  read();
}

void Session::start_refusing(Refusal const& refusal) {
  refuse(refusal);
  read();
}

void Session::close() {
  if (state_ == State::closed) return;
  auto const self = shared_from_this();
  state_ = State::closed;
  asio::error_code ignored;
  socket_.close(ignored);
  if (events_) events_->lose();
  context_->remove(*this);
}

void Session::due_at(Clock::time_point when) {
  due_ = when;
  context_->wake_at(when);
}

void Session::due_in(double seconds) {
  due_at(Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>{seconds}));
}

Clock::time_point Session::check(Clock::time_point now) {
  if (now < due_) return due_;
  auto const& options = context_->options;
  due_ = Clock::time_point::max();
  switch (state_) {
    case State::head:
      refuse({408, fmt::format("the head of the request has not arrived within {:g} s", options.head_limit)});
      break;
    case State::body:
      refuse({408, fmt::format("the body of the request has not arrived within {:g} s", options.body_limit)});
      break;
    case State::streaming:
      if (is_writing_) {
        close();
      } else {
        write(is_1_1_ ? "4\r\n: \n\n\r\n" : ": \n\n");
      }
      break;
    case State::answering:
    case State::closed:
      break;
    case State::waiting:
    case State::writing:
    case State::ending:
      close();
      break;
  }
  return due_;
}

void Session::read() {
  bool const is_ahead = state_ == State::answering || state_ == State::writing;
  if (is_reading_ || has_input_ended_ || state_ == State::closed || (is_ahead && end_ - begin_ >= most_ahead)) return;
  if (begin_ == end_) begin_ = end_ = 0;
  if (begin_ != 0 && input_.size() - end_ < read_at_once) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (input_.size() - end_ < read_at_once) input_.resize(end_ + read_at_once);
  is_reading_ = true;
  socket_.async_read_some(asio::buffer(input_.data() + end_, input_.size() - end_),
                          [self = shared_from_this()](asio::error_code const& error, std::size_t count) {
                            self->is_reading_ = false;
                            if (self->state_ == State::closed) return;
                            if (error == asio::error::eof) return self->on_end_of_input();
                            if (error) return self->close();
                            self->on_read(count);
                          });
}

void Session::on_read(std::size_t count) {
  if (state_ != State::ending && state_ != State::streaming) {
    end_ += count;
    if (state_ <= State::body) take_bytes();
  }
  read();
}

/// A client that closes its end while it waits for an answer is gone, or as good as gone: an answer may be a long time
/// coming.
void Session::on_end_of_input() {
  has_input_ended_ = true;
  switch (state_) {
    case State::head:
    case State::body:
      return refuse({400, "the request is cut off"});
    case State::writing:
      return;
    default:
      return close();
  }
}

void Session::take_bytes() {
  try {
    take_requests();
  } catch (Refusal const& refusal) {
    refuse(refusal);
  } catch (std::bad_alloc const&) {
    refuse({503, "the server has no memory for this request"});
  }
}

void Session::take_requests() {
  auto const before = state_;
  while (state_ <= State::body && begin_ != end_) {
    if (!parser_) {
      // Some clients end a body with a line end more than they announce.
      if (input_[begin_] == '\r' || input_[begin_] == '\n') {
        ++begin_;
        continue;
      }
      parser_.emplace(context_->options.largest_head, context_->options.largest_body);
      is_admitted_ = false;
      state_ = State::head;
    }
    std::size_t const count = parser_->put({input_.data() + begin_, end_ - begin_});
    begin_ += count;
    if (parser_->has_head() && !std::exchange(is_admitted_, true)) admit();
    if (parser_->is_done()) return hand_over();
    if (count == 0) break;
  }
  if (state_ == State::head && before == State::waiting && !is_first_) due_in(context_->options.head_limit);
  if (state_ == State::body && before != State::body) due_in(context_->options.body_limit);
}

void Session::admit() {
  auto const& head = parser_->head();
  is_first_ = false;
  is_head_request_ = head.method == "HEAD";
  is_1_1_ = head.is_1_1;
  keep_alive_ = head.keep_alive;
  state_ = State::body;
  target_ = read_target(head.target);
  admitted_ = port_ == 0 ? Admitted{.may_change = true} : http::admit(head, target_, context_->rules, port_);
  if (target_.path == "*" && head.method != "OPTIONS") throw Refusal(400, "the target '*' is for OPTIONS only");
  if (head.expects_continue && !parser_->is_done() && begin_ == end_) send_continue();
}

/// Nothing else is being sent, so the kernel has room for a line.
void Session::send_continue() {
  constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
  auto const sent = send(socket_.native_handle(), line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent != static_cast<ssize_t>(line.size())) throw Refusal(503, "the connection does not take an answer");
}

void Session::hand_over() {
  auto& head = parser_->head();
  Request request{.method = std::move(head.method),
                  .path = std::move(target_.path),
                  .query = std::move(target_.query),
                  .headers = std::move(head.headers),
                  .body = std::move(parser_->body()),
                  .is_local = port_ == 0,
                  .may_change = admitted_.may_change};
  parser_.reset();
  state_ = State::answering;
  due_ = Clock::time_point::max();
  if (request.path == "*")
    return answer({.status = 204, .type = {}, .headers = {{"Allow", "GET, HEAD, POST, OPTIONS"}}});
  Answer const way_back{std::make_shared<Answer::Connection>(context_->loop, weak_from_this())};
  try {
    context_->handler(std::move(request), way_back);
  } catch (Refusal const& refusal) {
    way_back.send({.status = refusal.status, .body = error_body(refusal.what(), refusal.nearest)});
  } catch (...) {
    way_back.send({.status = 500, .body = error_body(current_exception_text())});
  }
}

void Session::refuse(Refusal const& refusal) {
  parser_.reset();
  admitted_ = {};
  keep_alive_ = false;
  begin_ = end_ = 0;
  state_ = State::answering;
  Response response{.status = refusal.status, .body = error_body(refusal.what(), refusal.nearest)};
  if (refusal.status == 401) response.headers["WWW-Authenticate"] = "Bearer";
  answer(std::move(response));
}

void Session::answer(Response response) {
  if (state_ != State::answering) return;
  state_ = State::writing;
  if (!admitted_.set_cookie.empty()) {
    response.headers["Set-Cookie"] = admitted_.set_cookie;
    response.headers["Referrer-Policy"] = "no-referrer";  // the key is in the page's address
  }
  bool const has_body = response.status != 204 && response.status != 304;
  ResponseHead head{.status = response.status, .keep_alive = keep_alive_, .is_1_1 = is_1_1_};
  if (has_body) {
    head.type = response.type;
    head.length = response.body.size();
  }
  if (!has_body || is_head_request_) response.body.clear();
  write(response_head(head, response.headers), std::move(response.body));
}

void Session::answer_by_stream(std::shared_ptr<EventQueue> queue) {
  if (state_ != State::answering) return queue->lose();
  events_ = std::move(queue);
  state_ = is_head_request_ ? State::writing : State::streaming;
  if (is_head_request_) events_->lose();
  keep_alive_ = false;
  begin_ = end_ = 0;
  write(response_head({.status = 200, .type = "text/event-stream", .in_chunks = is_1_1_, .keep_alive = false}, {}));
  read();  // notices when the client goes
}

void Session::send_events() {
  if (state_ != State::streaming) return;
  if (events_->is_too_slow()) return close();
  if (is_writing_) return;
  if (has_sent_last_chunk_) return end();
  bool const is_finished = events_->is_finished();
  auto text = events_->take();
  if (!text.empty()) {
    if (!is_1_1_) return write(std::move(text));
    auto size = fmt::format("{:x}\r\n", text.size());
    return write(std::move(size), std::move(text), "\r\n");
  }
  if (!is_finished) return due_in(context_->options.heartbeat);
  if (!is_1_1_) return end();
  has_sent_last_chunk_ = true;
  write("0\r\n\r\n");
}

void Session::write(std::string first, std::string second, std::string third) {
  output_ = {std::move(first), std::move(second), std::move(third)};
  written_ = 0;
  is_writing_ = true;
  write_on();
}

void Session::write_on() {
  std::array<asio::const_buffer, 3> buffers;
  std::size_t skip = written_;
  std::size_t left = 0;
  for (std::size_t i = 0; i < buffers.size(); ++i) {
    std::size_t const cut = std::min(skip, output_.at(i).size());
    skip -= cut;
    buffers.at(i) = asio::const_buffer{output_.at(i).data() + cut, output_.at(i).size() - cut};
    left += buffers.at(i).size();
  }
  if (left == 0) return on_written();
  due_in(context_->options.idle_limit);
  socket_.async_write_some(buffers, [self = shared_from_this()](asio::error_code const& error, std::size_t count) {
    if (self->state_ == State::closed) return;
    if (error) return self->close();
    self->written_ += count;
    self->write_on();
  });
}

void Session::on_written() {
  is_writing_ = false;
  output_ = {};
  if (state_ == State::streaming) {
    events_->sent();
    return send_events();
  }
  if (keep_alive_ && !has_input_ended_) return next_request();
  end();
}

void Session::next_request() {
  state_ = State::waiting;
  admitted_ = {};
  due_in(context_->options.idle_limit);
  if (begin_ != end_) take_bytes();
  read();
}

/// Closing at once would make the kernel throw away what it has not sent yet, if the client has sent more than was
/// read.
void Session::end() {
  asio::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  if (has_input_ended_) return close();
  state_ = State::ending;
  begin_ = end_ = 0;
  due_in(linger);
  read();
}

}  // namespace farm::detail::http
