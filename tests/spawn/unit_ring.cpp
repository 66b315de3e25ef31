// The ranks' ends are Channels on the test's thread; the master's ends are Streams on a SharedLoop.
#include "spawn/wire/ring_board.hpp"

#include "spawn/loop/shared_loop.hpp"
#include "spawn/wire/channel.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>
#include <asio/ip/tcp.hpp>

#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

using namespace farm::detail;
using farm::Bytes;
using namespace std::chrono_literals;

namespace {

constexpr auto long_time = 30s;

struct Sockets {
  int descriptors[2]{};
  Sockets() {
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, descriptors) != 0)
      throw std::system_error(errno, std::generic_category(), "socketpair");
  }
};

Socket make_socket(asio::io_context& context, int descriptor) {
  Socket socket{context};
  socket.assign({AF_UNIX, 0}, descriptor);
  return socket;
}

/// A master's loop, run by its own thread or by the test.
class Master {
 public:
  Master() = default;
  Master(Master const&) = delete;
  Master& operator=(Master const&) = delete;
  ~Master() {
    if (thread_.joinable()) {
      loop_->post([this] { loop_->context().stop(); });
      thread_.join();
    }
    for (auto& rank : ranks_) rank->stream->close();
    board_.clear();
  }

  void run() {
    thread_ = std::thread{[this] { loop_->run(); }};
  }
  /// Runs the loop on this thread until nothing is left to do.
  void run_here() {
    while (loop_->context().poll() != 0 || board_.poll()) {
    }
  }
  RingBoard& board() { return board_; }

  struct Rank {
    std::shared_ptr<Stream> stream;
    std::vector<std::string> events;  ///< the payloads of its frames, then why its stream was closed
    std::atomic<std::size_t> frames{0};
  };
  /// Takes over the socket. Call it before run().
  Rank& add(int descriptor) {
    auto& rank = *ranks_.emplace_back(std::make_unique<Rank>());
    rank.stream = std::make_shared<Stream>(
        make_socket(loop_->context(), descriptor),
        [&rank](Frame const& frame) {
          rank.events.emplace_back(frame.payload);
          ++rank.frames;
        },
        [&rank](std::string const& why) { rank.events.push_back("closed: " + why); });
    board_.offer(rank.stream);
    rank.stream->start();
    return rank;
  }

 private:
  RingBoard board_;
  std::shared_ptr<SharedLoop> loop_ = std::make_shared<SharedLoop>([] {}, &board_);
  std::vector<std::unique_ptr<Rank>> ranks_;
  std::thread thread_;
};

/// A rank that has received its ring.
struct Peer {
  asio::io_context context{1};
  std::optional<Channel> channel;

  explicit Peer(int descriptor) {
    channel.emplace(make_socket(context, descriptor));
    if (!channel->next()) throw std::runtime_error("the master has not sent the first frame");
  }
  void send(std::string_view payload) {
    append_frame(channel->output(), FrameType::value, 0, payload);
    channel->flush();
  }
  void die() { channel.reset(); }
};

/// Returns false if so many frames have not arrived in time.
bool await(Master::Rank const& rank, std::size_t frames) {
  auto const end = Clock::now() + long_time;
  while (rank.frames < frames && Clock::now() < end) std::this_thread::yield();
  return rank.frames >= frames;
}

/// Sends the master's first frame.
void send_first_frame(Stream& stream) {
  append_frame(stream.output(), FrameType::task);
  stream.flush();
}

/// A master with one rank.
struct OneRank {
  Sockets sockets;
  Master master;
  Master::Rank& rank{with_first_frame(master.add(sockets.descriptors[0]))};
  Peer peer{sockets.descriptors[1]};

 private:
  static Master::Rank& with_first_frame(Master::Rank& rank) {
    send_first_frame(*rank.stream);
    return rank;
  }
};

std::string text_number(std::size_t i, std::size_t size) {
  auto text = fmt::format("{}:", i);
  text.resize(std::max(text.size(), size), static_cast<char>('a' + i % 26));
  return text;
}

}  // namespace

TEST_CASE("frames arrive whole and in order, through ring and socket, with the master awake or asleep") {
  constexpr std::size_t count = 20'000;
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  master.run();
  std::minstd_rand random{7};
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < count; ++i) {
    bool const is_large = random() % 50 == 0;
    expected.push_back(text_number(i, random() % (is_large ? 100'000 : 200)));
    peer.send(expected.back());
    if (random() % 10 != 0) continue;
    REQUIRE(await(rank, expected.size()));
    for (auto pause = random() % 300; pause != 0; --pause) std::this_thread::yield();  // the master may start to sleep
  }
  REQUIRE(await(rank, count));
  CHECK(std::equal(expected.begin(), expected.end(), rank.events.begin()));
}

TEST_CASE("small frames go through the ring: the socket carries one frame that announces them") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  for (std::size_t i = 0; i < 100; ++i) peer.send("answer");
  std::vector<char> in_socket(65536);
  CHECK(recv(sockets.descriptors[0], in_socket.data(), in_socket.size(), MSG_PEEK | MSG_DONTWAIT) ==
        sizeof(FrameHeader));
  master.run_here();
  CHECK(rank.events == std::vector<std::string>(100, "answer"));
}

TEST_CASE("when the ring is full, the next frames go through the socket") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 300; ++i) peer.send(expected.emplace_back(text_number(i, 100)));
  master.run_here();
  CHECK(rank.events == expected);
  for (std::size_t i = 0; i < 100; ++i) peer.send(expected.emplace_back(text_number(i, 100)));
  master.run_here();
  CHECK(rank.events == expected);
}

TEST_CASE("frames that a rank sent before it died are handled before its end") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  peer.send("first");
  master.run_here();
  peer.send("second");
  peer.send("last");
  peer.die();
  master.run_here();
  CHECK(rank.events == std::vector<std::string>{"first", "second", "last", "closed: "});
}

TEST_CASE("there may be more ranks than bits in a word of the doorbell, and ring numbers are reused") {
  Master master;
  for (int round = 0; round < 2; ++round) {
    std::vector<Master::Rank*> ranks;
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 150; ++i) {
      Sockets const sockets;
      ranks.push_back(&master.add(sockets.descriptors[0]));
      send_first_frame(*ranks.back()->stream);
      peers.push_back(std::make_unique<Peer>(sockets.descriptors[1]));
    }
    for (auto const& peer : peers) peer->send("one");
    master.run_here();
    for (auto const& peer : peers) peer->send("two");
    master.run_here();
    for (auto const* rank : ranks) CHECK(rank->events == std::vector<std::string>{"one", "two"});
    for (auto const* rank : ranks) rank->stream->close();
  }
}

TEST_CASE("a damaged ring, or a frame in the socket while the ring has the turn, closes the stream with the reason") {
  SECTION("more bytes than its capacity") {
    auto ring = SharedMemory<Ring>::make();
    auto other = SharedMemory<Ring>::take(Descriptor{dup(ring.descriptor())});
    RingReader reader{std::move(ring)};
    InputBuffer input;
    CHECK_FALSE(reader.read(input));
    other->written = ring_capacity + 1;
    CHECK_THROWS_AS(reader.read(input), ProtocolError);
    other->written = ~std::uint64_t{0};
    CHECK_THROWS_AS(reader.read(input), ProtocolError);
  }
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  SECTION("out of turn") {
    peer.send("in the ring");
    Bytes frame;
    append_frame(frame, FrameType::value, 0, "in the socket");
    REQUIRE(write(sockets.descriptors[1], frame.data(), frame.size()) == static_cast<ssize_t>(frame.size()));
    master.run_here();
    REQUIRE(rank.events.size() == 2);
    CHECK(rank.events.back() == "closed: a frame came through the socket while the ring has the turn");
  }
  SECTION("not a frame") {
    peer.send("in the ring");
    peer.channel->output() = "rubbish that is no frame";
    peer.channel->flush();
    master.run_here();
    REQUIRE(rank.events.size() == 2);
    CHECK(rank.events.back().starts_with("closed: frame of version"));
  }
  SECTION("an incomplete frame") {
    peer.send("in the ring");
    append_frame(peer.channel->output(), FrameType::value, 0, "cut");
    peer.channel->output().pop_back();
    peer.channel->flush();
    master.run_here();
    REQUIRE(rank.events.size() == 2);
    CHECK(rank.events.back() == "closed: the ring holds an incomplete frame");
  }
}

TEST_CASE("a rank on another host is offered no ring") {
  asio::io_context context{1};
  asio::ip::tcp::acceptor acceptor{context, {asio::ip::address_v4::loopback(), 0}};
  asio::ip::tcp::socket near{context};
  near.connect(acceptor.local_endpoint());
  auto far = acceptor.accept();
  auto const stream = std::make_shared<Stream>(Socket{std::move(near)}, nullptr, nullptr);
  RingBoard board;
  board.offer(stream);
  CHECK(far.available() == 0);
  CHECK(board.prepare_to_sleep());
  stream->close();
}
