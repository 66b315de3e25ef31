#pragma once

#include "core/frame.hpp"

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

 private:
  std::vector<char> data_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

/// One end of an authenticated control stream, used from the thread of its io_context. Nothing here blocks.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using OnFrame = std::function<void(Frame const&)>;
  /// Why: empty for an end-of-file. Called once; not after close().
  using OnClosed = std::function<void(std::string const& why)>;

  Stream(Socket socket, OnFrame on_frame, OnClosed on_closed);

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
  void close();
  [[nodiscard]] bool open() const { return !closed_; }

 private:
  void wait_readable();
  void read();
  void parse();
  void fail(std::string const& why);
  void fail(asio::error_code const& error);

  Socket socket_;
  OnFrame on_frame_;
  OnClosed on_closed_;
  InputBuffer input_;
  Bytes output_;
  std::size_t sent_ = 0;
  bool waiting_writable_ = false;
  bool closed_ = false;
  bool silent_ = false;
};

}  // namespace farm::detail
