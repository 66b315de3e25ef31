#pragma once

#include "core/task/frame.hpp"
#include "spawn/wire/input_buffer.hpp"
#include "spawn/wire/ring.hpp"
#include "spawn/wire/socket.hpp"

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace farm::detail {

/// The close reason if the other host, or the route to it, is gone: the kernel's heartbeats have had no answer.
inline constexpr char const* silent_host = "the other host is silent";

/// The master's end of an authenticated control stream; guards and socket peers use it, too. Nothing blocks. Use a
/// stream on the thread of its io_context only. Pending operations keep the stream alive until it is closed.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using OnFrame = std::function<void(Frame const&)>;
  /// Receives why the stream was closed; an empty reason is an end-of-file. Called once, and never after close().
  using OnClosed = std::function<void(std::string const& why)>;

  Stream(Socket socket, OnFrame on_frame, OnClosed on_closed);
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream();

  /// Replaces both handlers. Do not call it from a handler.
  void set_handlers(OnFrame on_frame, OnClosed on_closed) {
    on_frame_ = std::move(on_frame);
    on_closed_ = std::move(on_closed);
  }
  /// Starts reading. The stream passes each frame to on_frame. If on_frame throws, the stream is closed; the
  /// exception's text is the reason.
  void start();
  /// Returns the bytes to be sent: append frames here, then call flush().
  [[nodiscard]] Bytes& output() { return output_; }
  /// Sends what the socket takes now, and the rest when the socket takes more. Errors are reported by on_closed.
  void flush();
  [[nodiscard]] std::size_t unsent() const { return output_.size() - sent_; }
  /// Returns how many bytes of input and output were moved in memory so far: at most a few times as many as were
  /// transferred.
  [[nodiscard]] std::size_t moved() const { return input_.moved() + moved_; }
  void close();
  [[nodiscard]] bool open() const { return !closed_; }

  /// Returns true if the other end is on this host.
  [[nodiscard]] bool is_local() const;
  [[nodiscard]] int descriptor() { return socket_.native_handle(); }
  /// Sets the ring that the other end was offered.
  void set_ring(std::unique_ptr<RingReader> ring);
  /// Looks into the ring, whose frames the socket does not announce, and handles them. Returns false if there were
  /// none.
  bool look();

 private:
  void wait_readable();
  void read();
  bool parse();
  [[nodiscard]] bool handle_next_from_ring();
  [[nodiscard]] bool handle_next_from_socket();
  void fail(std::string const& why);
  void fail(asio::error_code const& error);

  Socket socket_;
  OnFrame on_frame_;
  OnClosed on_closed_;
  InputBuffer input_;
  std::unique_ptr<RingReader> ring_;
  InputBuffer ring_input_;
  bool ring_has_turn_ = false;  ///< the next frame comes through the ring, not the socket
  Bytes output_;
  std::size_t sent_ = 0;   ///< bytes of output_
  std::size_t moved_ = 0;  ///< bytes of output_
  bool waiting_writable_ = false;
  bool closed_ = false;
  bool peer_is_silent_ = false;
};

}  // namespace farm::detail
