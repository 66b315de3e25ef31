// Peers that connect to a listener, with the key or without, and send arbitrary bytes. Only a peer that proves for this
// challenge that it holds the key is accepted; each refusal is logged in one line.
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

/// Replaces the function of core/, which writes to stderr.
void farm::detail::log_error(std::string_view text) noexcept {
  ++lines;
  expect(text.find('\n') == std::string_view::npos, "a log entry is one line");
}

namespace {

/// Makes choices from the bytes of the input; all choices are 0 at its end.
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
  Master() : listener_(context_, [this](Hello const&, Socket) { ++accepted_; }) {}
  [[nodiscard]] JoinInfo join_info() const { return listener_.join_info(); }
  [[nodiscard]] int accepted() const { return accepted_; }
  void work() {
    while (context_.poll() != 0) {
    }
  }

 private:
  int accepted_ = 0;
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
    expect(connect(descriptor_, reinterpret_cast<sockaddr*>(&address), size) == 0, "the listener accepts connections");
    master_.work();
    auto const bytes = read();
    expect(bytes.size() == sizeof challenge_, "the listener sends the challenge first");
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

enum Behaviour : std::uint8_t {
  sends_anything,
  holds_key,
  holds_other_key,
  flips_a_bit,
  replays,
  sends_hello,
  behaviours
};

/// Lets one peer connect; `recorded` is what an earlier one has sent.
void connect_peer(Master& master, Choices& choices, std::string& recorded) {
  auto const join_info = master.join_info();
  int const accepted = master.accepted();
  bool is_accepted = false;
  lines = 0;
  {
    Peer const peer{master, join_info};
    auto const behaviour = choices.byte() % behaviours;
    if (behaviour == sends_anything) {
      peer.write(choices.bytes(512));
      peer.write(choices.bytes(8192));
    } else if (behaviour == replays) {
      peer.write(recorded);
    } else {
      auto const hello = behaviour == sends_hello ? pack(Hello{.group = choices.byte(), .host = choices.bytes(20)})
                                                  : choices.bytes(choices.byte() % 8 == 0 ? 8192 : 200);
      auto bytes = response_to(peer.challenge(), behaviour == holds_other_key ? random_bytes() : join_info.key, hello);
      if (behaviour == flips_a_bit) {
        auto const where = (256U * choices.byte() + choices.byte()) % bytes.size();
        bytes[where] = static_cast<char>(bytes[where] ^ (1 << choices.byte() % 8));
      }
      is_accepted = (behaviour == holds_key || behaviour == sends_hello) && hello.size() <= max_hello_size;
      auto const cut = std::min<std::size_t>(choices.byte(), bytes.size());
      peer.write(std::string_view{bytes}.substr(0, cut));
      peer.write(std::string_view{bytes}.substr(cut));
      auto const answer = peer.read();
      expect(answer.size() == (is_accepted ? sizeof(Mac) : 0), "only a peer that holds the key is answered");
      is_accepted = is_accepted && is_hello(hello);
      recorded = bytes;
    }
    expect(master.accepted() == accepted + (is_accepted ? 1 : 0), "only a peer that holds the key is accepted");
    expect(lines <= 1, "a connection is logged at most once");
    if (is_accepted) expect(lines == 0, "an accepted connection is not logged");
  }
  expect(is_accepted || lines == 1, "a connection that is refused or broken off is logged in one line");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  Master master;
  Choices choices{data, size};
  std::string recorded;
  for (int peers = 0; peers < 4 && !choices.empty(); ++peers) connect_peer(master, choices, recorded);
  return 0;
}
