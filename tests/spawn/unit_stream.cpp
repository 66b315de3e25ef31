// Frames through a pair of sockets, on one thread. One end is a Stream, the other a second Stream or a descriptor.
#include "spawn/wire/stream.hpp"

#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

using namespace farm::detail;
using farm::Bytes;
using namespace std::chrono_literals;

namespace {

constexpr auto long_time = 30s;

struct Received {
  FrameType type;
  std::uint64_t id;
  std::string payload;
  friend bool operator==(Received const&, Received const&) = default;
};

/// A stream that records all its events.
struct End {
  std::shared_ptr<Stream> stream;
  std::vector<Received> frames;
  std::vector<std::string> closed;
  bool rejects = false;

  End(asio::io_context& context, int descriptor) {
    Socket socket{context};
    socket.assign({AF_UNIX, 0}, descriptor);
    stream = std::make_shared<Stream>(
        std::move(socket),
        [this](Frame const& frame) {
          if (rejects) throw std::runtime_error("frame rejected");
          frames.push_back({frame.type, frame.id, std::string(frame.payload)});
        },
        [this](std::string const& why) { closed.push_back(why); });
    stream->start();
  }
  End(End const&) = delete;
  End& operator=(End const&) = delete;
  ~End() { stream->close(); }

  void append(std::uint64_t id, std::string_view payload) const {
    append_frame(stream->output(), FrameType::output, id, payload);
  }
};

struct Pair {
  int descriptors[2]{};
  Pair() {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) != 0)
      throw std::system_error(errno, std::generic_category(), "socketpair");
  }
};

template <class Condition>
bool run_until(asio::io_context& context, Condition condition) {
  auto const end = std::chrono::steady_clock::now() + long_time;
  while (!condition() && std::chrono::steady_clock::now() < end) context.run_one_for(100ms);
  return condition();
}

std::string some_text(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>((i * 31 + (i >> 8U) * 7 + seed) & 0xffU);
  return text;
}

std::string frame_bytes(FrameType type, std::uint64_t id, std::string_view payload) {
  Bytes bytes;
  append_frame(bytes, type, id, payload);
  return bytes;
}

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    auto const count = write(descriptor, bytes.data(), bytes.size());
    if (count <= 0) throw std::system_error(errno, std::generic_category(), "write");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

}  // namespace

TEST_CASE("frames of all sizes travel both ways") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  End b{context, pair.descriptors[1]};
  std::vector<std::size_t> const sizes{0, 1, 15, 16, 17, 4096, 65519, 65520, 65521, 65536, 1'000'000, 0, 40'000'000, 3};
  std::vector<Received> expected;
  for (auto const size : sizes) {
    auto const id = expected.size();
    expected.push_back({FrameType::output, id, some_text(size, static_cast<unsigned>(id))});
    a.append(id, expected.back().payload);
    b.append(id, expected.back().payload);
  }
  a.stream->flush();
  b.stream->flush();
  CHECK(run_until(context, [&] { return a.frames.size() == sizes.size() && b.frames.size() == sizes.size(); }));
  CHECK((a.frames == expected));
  CHECK((b.frames == expected));
  CHECK(a.stream->unsent() == 0);
  CHECK(a.closed.empty());
  CHECK(b.closed.empty());
}

TEST_CASE("frames may be split at any point") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  std::mt19937 random{1};
  std::string bytes;
  std::vector<Received> expected;
  for (unsigned i = 0; i < 200; ++i) {
    auto const size = std::uniform_int_distribution<std::size_t>{0, i % 10 == 0 ? 20'000U : 40U}(random);
    expected.push_back({FrameType::task, i, some_text(size, i)});
    bytes += frame_bytes(FrameType::task, i, expected.back().payload);
  }
  std::string_view rest = bytes;
  while (!rest.empty()) {
    auto const size = std::min(rest.size(), std::uniform_int_distribution<std::size_t>{1, 60}(random));
    write_all(pair.descriptors[1], rest.substr(0, size));
    rest.remove_prefix(size);
    context.poll();
  }
  CHECK(run_until(context, [&] { return a.frames.size() == expected.size(); }));
  CHECK((a.frames == expected));
  close(pair.descriptors[1]);
}

TEST_CASE("bytes that are not a frame close the stream with the reason; earlier frames are delivered") {
  auto bad = frame_bytes(FrameType::output, 2, "x");
  std::string reason;
  SECTION("another version") {
    bad[4] = 9;
    reason = "frame of version 9";
  }
  SECTION("an unknown type") {
    bad[5] = 99;
    reason = "frame of unknown type 99";
  }
  SECTION("too large") {
    bad.replace(0, 4, 4, '\xff');
    reason = "frame of 4294967295 bytes";
  }
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  write_all(pair.descriptors[1],
            frame_bytes(FrameType::output, 1, "good") + bad + frame_bytes(FrameType::output, 3, "late"));
  CHECK(run_until(context, [&] { return !a.closed.empty(); }));
  context.poll();
  CHECK(a.closed == std::vector{reason});
  REQUIRE(a.frames.size() == 1);
  CHECK(a.frames[0].payload == "good");
  CHECK_FALSE(a.stream->open());
  char byte = 0;
  CHECK(read(pair.descriptors[1], &byte, 1) <= 0);
  close(pair.descriptors[1]);
}

TEST_CASE("an exception of the frame handler closes the stream; its text is the reason") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  a.rejects = true;
  write_all(pair.descriptors[1], frame_bytes(FrameType::output, 1, "") + frame_bytes(FrameType::output, 2, ""));
  CHECK(run_until(context, [&] { return !a.closed.empty(); }));
  context.poll();
  CHECK(a.closed == std::vector<std::string>{"frame rejected"});
  close(pair.descriptors[1]);
}

TEST_CASE("an end-of-file is reported once, after all frames") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  write_all(pair.descriptors[1], frame_bytes(FrameType::output, 1, "last output"));
  close(pair.descriptors[1]);
  CHECK(run_until(context, [&] { return !a.closed.empty(); }));
  a.append(1, "nobody receives this");
  a.stream->flush();
  context.poll();
  CHECK(a.closed == std::vector<std::string>{""});
  REQUIRE(a.frames.size() == 1);
  CHECK(a.frames[0].payload == "last output");
}

TEST_CASE("a peer that goes away while frames are sent to it is an end-of-file, and its last frames arrive") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  a.append(1, some_text(10'000'000, 1));
  a.stream->flush();  // most of it waits
  write_all(pair.descriptors[1], frame_bytes(FrameType::output, 1, "last output"));
  close(pair.descriptors[1]);
  a.append(2, "more");
  a.stream->flush();
  CHECK(run_until(context, [&] { return !a.closed.empty(); }));
  CHECK(a.closed == std::vector<std::string>{""});
  CHECK(a.frames.size() == 1);
}

TEST_CASE("nothing is reported after close()") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  write_all(pair.descriptors[1], frame_bytes(FrameType::output, 1, ""));
  a.stream->close();
  a.stream->close();
  close(pair.descriptors[1]);
  context.run();
  CHECK(a.frames.empty());
  CHECK(a.closed.empty());
}

TEST_CASE("flush() does not wait for a peer that does not read; the frames arrive in order once the peer reads") {
  asio::io_context context{1};
  Pair const pair;
  End a{context, pair.descriptors[0]};
  std::string expected;
  for (unsigned i = 0; i < 50; ++i) {
    auto const payload = some_text(400'000, i);
    a.append(i, payload);
    expected += frame_bytes(FrameType::output, i, payload);
    a.stream->flush();
    context.poll();
  }
  CHECK(a.stream->unsent() > 19'000'000);
  std::string arrived;
  std::vector<char> buffer(1 << 16U);
  fcntl(pair.descriptors[1], F_SETFL, O_NONBLOCK);
  CHECK(run_until(context, [&] {
    for (ssize_t count = 0; (count = read(pair.descriptors[1], buffer.data(), buffer.size())) > 0;) {
      arrived.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return arrived.size() == expected.size();
  }));
  CHECK((arrived == expected));
  CHECK(a.stream->unsent() == 0);
  close(pair.descriptors[1]);
}

TEST_CASE("the bytes moved in memory are linear in the bytes sent: one frame, many frames, a slow peer") {
  auto const moved_per_byte = [](std::size_t frame_size, std::size_t total, std::size_t flushes) {
    asio::io_context context{1};
    Pair const pair;
    End a{context, pair.descriptors[0]};
    End b{context, pair.descriptors[1]};
    std::string const payload(frame_size, 'x');
    std::size_t const frames = total / frame_size;
    for (std::size_t i = 0; i < frames; ++i) {
      a.append(i, payload);
      if (i % (frames / flushes + 1) == 0) a.stream->flush();
    }
    a.stream->flush();
    REQUIRE(run_until(context, [&] { return b.frames.size() == frames; }));
    return static_cast<double>(a.stream->moved() + b.stream->moved()) / static_cast<double>(total);
  };
  constexpr std::size_t mega = 1'000'000;
  CHECK(moved_per_byte(40 * mega, 40 * mega, 1) < 3);
  CHECK(moved_per_byte(1000, 20 * mega, 1) < 3);
  CHECK(moved_per_byte(1000, 20 * mega, 100) < 3);
  CHECK(moved_per_byte(90'000, 18 * mega, 100) < 3);
}
