// Ranks' ends are Channels on threads of their own, the master's Streams on a SharedLoop.
#include "spawn/wire/ring.hpp"

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

/// A master's loop, on its own thread or run by hand.
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
  /// Until nothing is left to be done.
  void run_here() {
    while (loop_->context().poll() != 0 || board_.look()) {
    }
  }
  RingBoard& board() { return board_; }

  struct Rank {
    std::shared_ptr<Stream> stream;
    std::vector<std::string> told;  ///< the payloads of its frames, and why it was closed
    std::atomic<std::size_t> frames{0};
  };
  /// Takes the socket. To be called before run().
  Rank& add(int descriptor) {
    auto& rank = *ranks_.emplace_back(std::make_unique<Rank>());
    rank.stream = std::make_shared<Stream>(
        make_socket(loop_->context(), descriptor),
        [&rank](Frame const& frame) {
          rank.told.emplace_back(frame.payload);
          ++rank.frames;
        },
        [&rank](std::string const& why) { rank.told.push_back("closed: " + why); });
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

/// A rank that has taken its ring.
struct Peer {
  asio::io_context context{1};
  std::optional<Channel> channel;

  explicit Peer(int descriptor) {
    channel.emplace(make_socket(context, descriptor));
    if (!channel->next()) throw std::runtime_error("the master has not said go");
  }
  void send(std::string_view payload) {
    append_frame(channel->output(), FrameType::value, 0, payload);
    channel->flush();
  }
  void die() { channel.reset(); }
};

/// False: they have not come in time.
bool await(Master::Rank const& rank, std::size_t frames) {
  auto const end = Clock::now() + long_time;
  while (rank.frames < frames && Clock::now() < end) std::this_thread::yield();
  return rank.frames >= frames;
}

/// What the master says first.
void say_go(Stream& stream) {
  append_frame(stream.output(), FrameType::task);
  stream.flush();
}

/// A master with one rank.
struct OneRank {
  Sockets sockets;
  Master master;
  Master::Rank& rank{with_go(master.add(sockets.descriptors[0]))};
  Peer peer{sockets.descriptors[1]};

 private:
  static Master::Rank& with_go(Master::Rank& rank) {
    say_go(*rank.stream);
    return rank;
  }
};

std::string text_number(std::size_t i, std::size_t size) {
  auto text = fmt::format("{}:", i);
  text.resize(std::max(text.size(), size), static_cast<char>('a' + i % 26));
  return text;
}

}  // namespace

TEST_CASE("what a rank sends arrives whole and in order, by its ring and by its socket, awake or asleep") {
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
    for (auto pause = random() % 300; pause != 0; --pause) std::this_thread::yield();  // the master may fall asleep
  }
  REQUIRE(await(rank, count));
  CHECK(std::equal(expected.begin(), expected.end(), rank.told.begin()));
}

TEST_CASE("small frames go by the ring: the socket has no more than a word on it") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  for (std::size_t i = 0; i < 100; ++i) peer.send("answer");
  std::vector<char> in_socket(65536);
  CHECK(recv(sockets.descriptors[0], in_socket.data(), in_socket.size(), MSG_PEEK | MSG_DONTWAIT) ==
        sizeof(FrameHeader));
  master.run_here();
  CHECK(rank.told == std::vector<std::string>(100, "answer"));
}

TEST_CASE("a ring that is full sends what follows by the socket") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  std::vector<std::string> expected;
  for (std::size_t i = 0; i < 300; ++i) peer.send(expected.emplace_back(text_number(i, 100)));
  master.run_here();
  CHECK(rank.told == expected);
  for (std::size_t i = 0; i < 100; ++i) peer.send(expected.emplace_back(text_number(i, 100)));
  master.run_here();
  CHECK(rank.told == expected);
}

TEST_CASE("what a rank has sent before it died is handled before its end") {
  OneRank one;
  auto& [sockets, master, rank, peer] = one;
  peer.send("first");
  master.run_here();
  peer.send("second");
  peer.send("last");
  peer.die();
  master.run_here();
  CHECK(rank.told == std::vector<std::string>{"first", "second", "last", "closed: "});
}

TEST_CASE("more ranks than a word of the doorbell has bits, and numbers that are used again") {
  Master master;
  for (int round = 0; round < 2; ++round) {
    std::vector<Master::Rank*> ranks;
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 150; ++i) {
      Sockets const sockets;
      ranks.push_back(&master.add(sockets.descriptors[0]));
      say_go(*ranks.back()->stream);
      peers.push_back(std::make_unique<Peer>(sockets.descriptors[1]));
    }
    for (auto const& peer : peers) peer->send("one");
    master.run_here();
    for (auto const& peer : peers) peer->send("two");
    master.run_here();
    for (auto const* rank : ranks) CHECK(rank->told == std::vector<std::string>{"one", "two"});
    for (auto const* rank : ranks) rank->stream->close();
  }
}

TEST_CASE("a damaged ring, and a frame in the socket where the ring has the turn, close the stream and say so") {
  SECTION("more bytes than there can be") {
    auto ring = Shared<Ring>::make();
    auto other = Shared<Ring>::take(dup(ring.descriptor()));
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
    REQUIRE(rank.told.size() == 2);
    CHECK(rank.told.back() == "closed: a frame in its socket, where its ring has the turn");
  }
  SECTION("not a frame") {
    peer.send("in the ring");
    peer.channel->output() = "rubbish that is no frame";
    peer.channel->flush();
    master.run_here();
    REQUIRE(rank.told.size() == 2);
    CHECK(rank.told.back().starts_with("closed: frame of version"));
  }
  SECTION("a part of one") {
    peer.send("in the ring");
    append_frame(peer.channel->output(), FrameType::value, 0, "cut");
    peer.channel->output().pop_back();
    peer.channel->flush();
    master.run_here();
    REQUIRE(rank.told.size() == 2);
    CHECK(rank.told.back() == "closed: a part of a frame is in its ring");
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
  CHECK(board.fall_asleep());
  stream->close();
}
