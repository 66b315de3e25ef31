#include "spawn/stream.hpp"

#include <asio/buffer.hpp>
#include <asio/error.hpp>

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
  }
  if (data_.size() - end_ < size) data_.resize(std::max(end_ + size, data_.size() * 2));
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
  if (error) return fail(error);
  input_.filled(count);
  parse();
  if (!closed_) wait_readable();
}

void Stream::parse() {
  try {
    for (;;) {
      auto rest = input_.content();
      auto const size = rest.size();
      auto const frame = next_frame(rest);
      if (!frame) return;
      on_frame_(*frame);
      if (closed_) return;
      input_.use(size - rest.size());
    }
  } catch (std::exception const& e) {
    fail(e.what());
  }
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
