#pragma once

#include "core/task/frame.hpp"

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace farm::detail {

/// Why a stream was closed whose other end's host, or the way to it, is no more (link.hpp).
inline constexpr char const* silent_host = "the other host is silent";

using Socket = asio::generic::stream_protocol::socket;

/// Bytes that arrived and are not used yet.
class InputBuffer {
 public:
  /// Room for at least `size` more bytes.
  char* room(std::size_t size);
  void filled(std::size_t size) { end_ += size; }
  [[nodiscard]] std::string_view content() const { return {data_.data() + begin_, end_ - begin_}; }
  void use(std::size_t size);
  /// How many bytes were moved to make room, in total.
  [[nodiscard]] std::size_t moved() const { return moved_; }

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t moved_ = 0;
};

class RingReader;

/// One end of an authenticated control stream, used from the thread of its io_context. Nothing here blocks.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using OnFrame = std::function<void(Frame const&)>;
  /// Why: empty for an end-of-file. Called once; not after close().
  using OnClosed = std::function<void(std::string const& why)>;

  Stream(Socket socket, OnFrame on_frame, OnClosed on_closed);
  Stream(Stream const&) = delete;
  Stream& operator=(Stream const&) = delete;
  ~Stream();

  /// In place of those before. Not to be called by one of them.
  void set_handlers(OnFrame on_frame, OnClosed on_closed) {
    on_frame_ = std::move(on_frame);
    on_closed_ = std::move(on_closed);
  }
  /// Begins to read. Frames are handed to on_frame; what that throws closes the stream with its text.
  void start();
  /// Frames are appended here, and sent by flush().
  [[nodiscard]] Bytes& output() { return output_; }
  /// Sends what can be sent now, and the rest when it can be. Failures surface as on_closed.
  void flush();
  [[nodiscard]] std::size_t unsent() const { return output_.size() - sent_; }
  /// How many bytes that arrived, or waited to be sent, were moved in memory: at most a few times as many as there
  /// were.
  [[nodiscard]] std::size_t moved() const { return input_.moved() + moved_; }
  void close();
  [[nodiscard]] bool open() const { return !closed_; }

  /// Whether the other end is on this host.
  [[nodiscard]] bool is_local() const;
  [[nodiscard]] int descriptor() { return socket_.native_handle(); }
  /// The other end may go on there when it has been told of it.
  void set_ring(std::unique_ptr<RingReader> ring);
  /// Handles what has come and was not told of by the socket. False: nothing has.
  bool look();

 private:
  void wait_readable();
  void read();
  bool parse();
  [[nodiscard]] bool handle_next_of_ring();
  [[nodiscard]] bool handle_next_of_socket();
  void fail(std::string const& why);
  void fail(asio::error_code const& error);

  Socket socket_;
  OnFrame on_frame_;
  OnClosed on_closed_;
  InputBuffer input_;
  std::unique_ptr<RingReader> ring_;
  InputBuffer ring_input_;
  bool by_ring_ = false;  ///< the next frame is there, and not in the socket
  Bytes output_;
  std::size_t sent_ = 0;
  std::size_t moved_ = 0;  // of output_
  bool waiting_writable_ = false;
  bool closed_ = false;
  bool silent_ = false;
};

}  // namespace farm::detail
