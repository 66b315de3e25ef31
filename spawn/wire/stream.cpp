#include "spawn/wire/stream.hpp"

#include "spawn/wire/ring.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <cstring>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t read_size = std::size_t{64} << 10U;

bool tells_of_silence(asio::error_code const& error) {
  return error == asio::error::timed_out || error == asio::error::host_unreachable ||
         error == asio::error::network_unreachable;
}

}  // namespace

char* InputBuffer::room(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (data_.size() - end_ < size && begin_ != 0) {
    std::memmove(data_.data(), data_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    moved_ += end_;
  }
  if (data_.size() - end_ < size) {
    moved_ += end_;
    data_.resize(std::max(end_ + size, data_.size() * 2));
  }
  return data_.data() + end_;
}

void InputBuffer::use(std::size_t size) {
  begin_ += size;
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (data_.size() > 16 * read_size) data_ = {};  // after a large frame
  }
}

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
  if (content.size() >= sizeof(FrameHeader)) {  // the rest of a frame whose size is known
    FrameHeader header;
    std::memcpy(&header, content.data(), sizeof header);
    wanted = std::max(wanted, sizeof header + header.size - content.size());
  }
  asio::error_code error;
  std::size_t const count = socket_.read_some(asio::buffer(input_.room(wanted), wanted), error);
  if (error == asio::error::would_block || error == asio::error::interrupted) return wait_readable();
  if (error) {
    static_cast<void>(look());  // what it has said before
    return fail(error);
  }
  input_.filled(count);
  static_cast<void>(parse());
  if (!closed_) wait_readable();
}

/// False: there was nothing.
bool Stream::parse() {
  bool any = false;
  try {
    while (!closed_ && (handle_next_of_ring() || handle_next_of_socket())) any = true;
  } catch (std::exception const& e) {
    fail(e.what());
  }
  return any;
}

bool Stream::handle_next_of_ring() {
  if (!by_ring_) return false;
  if (ring_input_.content().empty() && !ring_->read(ring_input_)) return false;
  auto rest = ring_input_.content();
  auto const size = rest.size();
  auto const frame = next_frame(rest);
  if (!frame) throw ProtocolError("a part of a frame is in its ring");
  if (frame->type == FrameType::socket) {
    by_ring_ = false;
  } else {
    on_frame_(*frame);
  }
  ring_input_.use(size - rest.size());
  return true;
}

/// What was in the ring before it was handled: that was looked into after the socket.
bool Stream::handle_next_of_socket() {
  auto rest = input_.content();
  auto const size = rest.size();
  auto const frame = next_frame(rest);
  if (!frame) return false;
  if (frame->type == FrameType::ring && ring_ && !by_ring_) {
    by_ring_ = true;
  } else if (frame->type != FrameType::wake || !ring_) {
    if (by_ring_) throw ProtocolError("a frame in its socket, where its ring has the turn");
    on_frame_(*frame);
  }
  input_.use(size - rest.size());
  return true;
}

bool Stream::is_local() const {
  asio::error_code error;
  auto const endpoint = socket_.local_endpoint(error);
  return !error && endpoint.protocol().family() == AF_UNIX;
}

void Stream::set_ring(std::unique_ptr<RingReader> ring) { ring_ = std::move(ring); }

bool Stream::look() {
  if (closed_ || !by_ring_) return false;
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
      if (sent_ > output_.size() / 2) {  // each byte is moved once at most
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
      // what the other end has said before it went is still to be read: its end-of-file closes the stream
      output_.clear();
      sent_ = 0;
      silent_ = silent_ || tells_of_silence(error);  // which is told once
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
  if (silent_ || tells_of_silence(error)) return fail(std::string{silent_host});
  // a process that dies with bytes unread resets its connection: the end of the stream all the same
  fail(error == asio::error::eof || error == asio::error::connection_reset ? std::string{} : error.message());
}

void Stream::fail(std::string const& why) {
  if (closed_) return;
  auto const self = shared_from_this();
  close();
  on_closed_(why);
}

}  // namespace farm::detail
