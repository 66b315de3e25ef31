#include "spawn/wire/stream.hpp"

#include "core/text/exception_text.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <cstring>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10U;

/// Returns true if the error means that the other host, or the route to it, is gone.
bool is_silent_host(asio::error_code const& error) {
  return error == asio::error::timed_out || error == asio::error::host_unreachable ||
         error == asio::error::network_unreachable;
}

}  // namespace

Stream::Stream(Socket socket, OnFrame on_frame, OnClosed on_closed)
    : socket_(std::move(socket)), on_frame_(std::move(on_frame)), on_closed_(std::move(on_closed)) {
  asio::error_code error;
  socket_.non_blocking(true, error);
}

Stream::~Stream() = default;

void Stream::start() { wait_readable(); }

void Stream::wait_readable() {
  socket_.async_wait(Socket::wait_read, [self = shared_from_this()](asio::error_code const& error) {
    if (self->closed_) return;
    if (error) return self->fail(error);
    self->read();
  });
}

void Stream::read() {
  std::string_view const content = input_.content();
  std::size_t wanted = read_size;
  if (content.size() >= sizeof(FrameHeader)) {  // the size of the frame is known: ask for all of its rest
    FrameHeader header;
    std::memcpy(&header, content.data(), sizeof header);
    wanted = std::max(wanted, sizeof header + header.size - content.size());
  }
  asio::error_code error;
  std::size_t const count = socket_.read_some(asio::buffer(input_.prepare(wanted), wanted), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return wait_readable();
  if (error) {
    static_cast<void>(look());  // the ring may hold frames from before the end
    return fail(error);
  }
  input_.commit(count);
  static_cast<void>(parse());
  if (!closed_) wait_readable();
}

/// Handles all whole frames. Returns false if there were none.
bool Stream::parse() {
  bool any = false;
  try {
    while (!closed_ && (handle_next_from_ring() || handle_next_from_socket())) any = true;
  } catch (std::exception const& e) {
    fail(text_of(e));
  }
  return any;
}

bool Stream::handle_next_from_ring() {
  if (!ring_has_turn_) return false;
  if (ring_input_.content().empty() && !ring_->read(ring_input_)) return false;
  auto rest = ring_input_.content();
  auto const size = rest.size();
  auto const frame = next_frame(rest);
  if (!frame) throw ProtocolError("the ring holds an incomplete frame");
  if (frame->type == FrameType::socket) {
    ring_has_turn_ = false;
  } else {
    on_frame_(*frame);
  }
  ring_input_.consume(size - rest.size());
  return true;
}

/// The ring is looked into after the socket was read: what the rank put there before it sent this frame is handled
/// already, including a `socket` frame.
bool Stream::handle_next_from_socket() {
  auto rest = input_.content();
  auto const size = rest.size();
  auto const frame = next_frame(rest);
  if (!frame) return false;
  if (frame->type == FrameType::ring && ring_ && !ring_has_turn_) {
    ring_has_turn_ = true;
  } else if (frame->type != FrameType::wake || !ring_) {
    if (ring_has_turn_) throw ProtocolError("a frame came through the socket while the ring has the turn");
    on_frame_(*frame);
  }
  input_.consume(size - rest.size());
  return true;
}

bool Stream::is_local() const {
  asio::error_code error;
  auto const endpoint = socket_.local_endpoint(error);
  return !error && endpoint.protocol().family() == AF_UNIX;
}

void Stream::set_ring(std::unique_ptr<RingReader> ring) { ring_ = std::move(ring); }

bool Stream::look() {
  if (closed_ || !ring_has_turn_) return false;
  auto const self = shared_from_this();
  return parse();
}

void Stream::flush() {
  if (closed_ || waiting_writable_) return;
  while (sent_ != output_.size()) {
    asio::error_code error;
    std::size_t const count = socket_.write_some(asio::buffer(output_.data() + sent_, output_.size() - sent_), error);
    if (error == asio::error::would_block) {
      waiting_writable_ = true;
      if (sent_ > output_.size() / 2) {  // so each byte is moved once at most
        output_.erase(0, sent_);
        moved_ += output_.size();
        sent_ = 0;
      }
      socket_.async_wait(Socket::wait_write, [self = shared_from_this()](asio::error_code const& wait_error) {
        self->waiting_writable_ = false;
        if (self->closed_ || wait_error) return;
        self->flush();
      });
      return;
    }
    if (error == asio::error::interrupted) continue;
    if (error) {
      // frames that the other end sent before it went are still to be read; its end-of-file then closes the stream
      output_.clear();
      sent_ = 0;
      peer_is_silent_ = peer_is_silent_ || is_silent_host(error);  // the kernel reports this error only once
      return;
    }
    sent_ += count;
  }
  output_.clear();
  sent_ = 0;
  if (output_.capacity() > 16 * read_size) output_.shrink_to_fit();
}

void Stream::close() {
  if (closed_) return;
  closed_ = true;
  asio::error_code error;
  socket_.close(error);
}

void Stream::fail(asio::error_code const& error) {
  if (peer_is_silent_ || is_silent_host(error)) return fail(std::string{silent_host});
  // the connection of a process that dies with unread bytes is reset: this is an end-of-file, too
  fail(error == asio::error::eof || error == asio::error::connection_reset ? std::string{} : error.message());
}

void Stream::fail(std::string const& why) {
  if (closed_) return;
  auto const self = shared_from_this();
  close();
  on_closed_(why);
}

}  // namespace farm::detail
