// Peers that come to a listener, with the key or without, and say what they like: nobody is let in who has not shown
// the key for this very challenge, and whoever is sent away is told of in one line.
#include "spawn/join/listener.hpp"
#include "tests/fuzz/expect.hpp"
#include "tests/support/response_to.hpp"

#include <farm/detail/log.hpp>

#include <asio/io_context.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

using namespace farm::detail;
using farm::pack;

namespace {

int lines = 0;  // NOLINT: one thread

}  // namespace

/// In place of the one in core/, which writes to stderr.
void farm::detail::log_error(std::string_view text) noexcept {
  ++lines;
  expect(text.find('\n') == std::string_view::npos, "what is logged is one line");
}

namespace {

/// The bytes of the input, one choice after the other; zeros at its end.
class Choices {
 public:
  Choices(std::uint8_t const* data, std::size_t size) : left_(reinterpret_cast<char const*>(data), size) {}
  [[nodiscard]] bool empty() const { return left_.empty(); }
  std::uint8_t byte() {
    if (left_.empty()) return 0;
    auto const first = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return first;
  }
  std::string bytes(std::size_t most) {
    std::string const taken{left_.substr(0, most)};
    left_.remove_prefix(taken.size());
    return taken;
  }

 private:
  std::string_view left_;
};

class Master {
 public:
  Master() : listener_(context_, [this](Hello const&, Socket) { ++guests_; }) {}
  [[nodiscard]] JoinInfo join_info() const { return listener_.join_info(); }
  [[nodiscard]] int guests() const { return guests_; }
  void work() {
    while (context_.poll() != 0) {
    }
  }

 private:
  int guests_ = 0;
  asio::io_context context_{1};
  Listener listener_;
};

class Peer {
 public:
  Peer(Master& master, JoinInfo const& join_info) : master_(master) {
    descriptor_ = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    join_info.local_name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + join_info.local_name.size());
    expect(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0, "the listener listens");
    master_.work();
    auto const bytes = read();
    expect(bytes.size() == sizeof challenge_, "the listener speaks first");
    std::memcpy(&challenge_, bytes.data(), sizeof challenge_);
  }
  Peer(Peer const&) = delete;
  Peer& operator=(Peer const&) = delete;
  ~Peer() {
    close(descriptor_);
    master_.work();
  }

  [[nodiscard]] Challenge const& challenge() const { return challenge_; }
  void write(std::string_view bytes) const {
    static_cast<void>(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    master_.work();
  }
  [[nodiscard]] std::string read() const {
    std::string bytes(8192, '\0');
    auto const count = ::read(descriptor_, bytes.data(), bytes.size());
    bytes.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return bytes;
  }

 private:
  Master& master_;
  int descriptor_ = -1;
  Challenge challenge_;
};

bool is_hello(std::string_view bytes) {
  try {
    static_cast<void>(farm::unpack<Hello>(bytes));
    return true;
  } catch (farm::SerializationError const&) {
    return false;
  }
}

enum Manner : std::uint8_t { says_anything, holds_key, holds_another, changes_a_bit, repeats, says_hello, manners };

/// One peer; `heard` is what an earlier one has said.
void visit(Master& master, Choices& choices, std::string& heard) {
  auto const join_info = master.join_info();
  int const guests = master.guests();
  bool let_in = false;
  lines = 0;
  {
    Peer const peer{master, join_info};
    auto const manner = choices.byte() % manners;
    if (manner == says_anything) {
      peer.write(choices.bytes(512));
      peer.write(choices.bytes(8192));
    } else if (manner == repeats) {
      peer.write(heard);
    } else {
      auto const hello = manner == says_hello ? pack(Hello{.group = choices.byte(), .host = choices.bytes(20)})
                                              : choices.bytes(choices.byte() % 8 == 0 ? 8192 : 200);
      auto bytes = response_to(peer.challenge(), manner == holds_another ? random_bytes() : join_info.key, hello);
      if (manner == changes_a_bit) {
        auto const where = (256U * choices.byte() + choices.byte()) % bytes.size();
        bytes[where] = static_cast<char>(bytes[where] ^ (1 << choices.byte() % 8));
      }
      let_in = (manner == holds_key || manner == says_hello) && hello.size() <= max_hello_size;
      auto const cut = std::min<std::size_t>(choices.byte(), bytes.size());
      peer.write(std::string_view{bytes}.substr(0, cut));
      peer.write(std::string_view{bytes}.substr(cut));
      auto const answer = peer.read();
      expect(answer.size() == (let_in ? sizeof(Mac) : 0), "only who holds the key is answered");
      let_in = let_in && is_hello(hello);
      heard = bytes;
    }
    expect(master.guests() == guests + (let_in ? 1 : 0), "who holds the key, and nobody else, is let in");
    expect(lines <= 1, "a visitor is told of once");
    if (let_in) expect(lines == 0, "and not where it is let in");
  }
  expect(let_in || lines == 1, "who was sent away, or left, is told of in one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Master master;
  Choices choices{data, size};
  std::string heard;
  for (int visitors = 0; visitors < 4 && !choices.empty(); ++visitors) visit(master, choices, heard);
  return 0;
}
