// A listener at work, and all kinds of visitors.
#include "spawn/join/listener.hpp"

#include <farm/error.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/response_to.hpp"

#include <asio/executor_work_guard.hpp>

#include <dirent.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace farm::detail;
using farm::pack;
using namespace std::chrono_literals;

namespace {

/// Long enough for a loaded machine: nobody waits for it unless the test fails.
constexpr auto long_time = 20s;

enum class Way { unix_socket, tcp };

class Master {
 public:
  explicit Master(ListenerLimits limits = {})
      : listener_(std::make_unique<Listener>(
            context_, [this](Hello const& hello, Socket socket) { welcome(hello, std::move(socket)); }, limits)),
        thread_([this] { context_.run(); }) {}
  Master(Master const&) = delete;
  Master& operator=(Master const&) = delete;
  ~Master() {
    context_.stop();
    thread_.join();
    listener_.reset();  // before the context, which still holds the visitors
  }

  [[nodiscard]] JoinInfo join_info(Way way) const {
    auto join_info = listener_->join_info();
    if (way == Way::tcp) join_info.host += " is another";
    return join_info;
  }

  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, long_time, [&] { return guests_.size() >= count; });
  }
  [[nodiscard]] std::vector<std::uint64_t> groups() {
    std::scoped_lock const lock{mutex_};
    std::vector<std::uint64_t> groups;
    for (auto const& guest : guests_) groups.push_back(guest.hello.group);
    return groups;
  }
  [[nodiscard]] Hello hello(std::size_t index) {
    std::scoped_lock const lock{mutex_};
    return guests_.at(index).hello;
  }

 private:
  struct Guest {
    Hello hello;
    Socket socket;
  };

  void welcome(Hello const& hello, Socket socket) {
    std::scoped_lock const lock{mutex_};
    if (hello.group == 666) throw std::runtime_error("no such group");
    guests_.push_back({hello, std::move(socket)});
    changed_.notify_all();
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Guest> guests_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

/// A socket in the hands of somebody who may not follow the protocol.
class Visitor {
 public:
  explicit Visitor(int descriptor) : descriptor_(descriptor) {}
  Visitor(JoinInfo const& join_info, Way way) : Visitor(socket(way == Way::tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0)) {
    come(join_info, way);
  }
  Visitor(Visitor&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Visitor& operator=(Visitor&&) = delete;
  ~Visitor() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  void come(JoinInfo const& join_info, Way way) const {
    int result = -1;
    if (way == Way::tcp) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(join_info.port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      result = connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      join_info.local_name.copy(address.sun_path + 1, sizeof address.sun_path - 1);
      result = connect(descriptor_, reinterpret_cast<sockaddr*>(&address),
                       static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + join_info.local_name.size()));
    }
    if (result != 0) throw std::system_error(errno, std::generic_category(), "connect");
  }

  /// Whether something is to be read, or the other end is closed, before this time is over.
  [[nodiscard]] bool wait(std::chrono::milliseconds time) const {
    pollfd entry{.fd = descriptor_, .events = POLLIN, .revents = 0};
    return poll(&entry, 1, static_cast<int>(time.count())) == 1;
  }
  [[nodiscard]] std::string read(std::size_t size) const {
    std::string text(size, '\0');
    std::size_t done = 0;
    while (done < size && wait(long_time)) {
      auto const count = ::read(descriptor_, text.data() + done, size - done);
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    text.resize(done);
    return text;
  }
  void write(std::string_view bytes) const {
    static_cast<void>(send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
  }
  template <class T>
  void write_object(T const& object) const {
    write({reinterpret_cast<char const*>(&object), sizeof object});
  }
  [[nodiscard]] bool is_sent_away() const {
    char byte = 0;
    return wait(long_time) && ::read(descriptor_, &byte, 1) <= 0;
  }
  [[nodiscard]] Challenge read_challenge() const {
    Challenge challenge;
    auto const bytes = read(sizeof challenge);
    if (bytes.size() != sizeof challenge) throw std::runtime_error("no challenge has come");
    std::memcpy(&challenge, bytes.data(), sizeof challenge);
    return challenge;
  }

 private:
  int descriptor_;
};

std::size_t lines(std::string const& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// Who is sent away may notice it before the line is written.
std::string first_line(Captured const& errors) {
  auto const end = std::chrono::steady_clock::now() + long_time;
  while (lines(errors.text()) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return errors.text();
}

Hello hello_of(std::uint64_t group) {
  return {.group = group, .rank = 1, .pid = 42, .host = "here", .build_id = "ab12"};
}

/// Somebody who listens where a master is expected.
class Impostor {
 public:
  explicit Impostor(std::function<void(Visitor const&)> play) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(descriptor_, generic, size) != 0 || listen(descriptor_, 5) != 0 ||
        getsockname(descriptor_, generic, &size) != 0) {
      throw std::system_error(errno, std::generic_category(), "listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, play = std::move(play)] {
      Visitor const visitor{accept(descriptor_, nullptr, nullptr)};
      play(visitor);
      static_cast<void>(visitor.is_sent_away());  // that is, until the connector has left
    });
  }
  Impostor(Impostor const&) = delete;
  Impostor& operator=(Impostor const&) = delete;
  ~Impostor() {
    thread_.join();
    close(descriptor_);
  }
  [[nodiscard]] JoinInfo join_info() const {
    JoinInfo join_info;
    join_info.key = random_bytes();
    join_info.host = "elsewhere";
    join_info.addresses = {"127.0.0.1"};
    join_info.port = port_;
    return join_info;
  }

 private:
  int descriptor_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string failure_to_connect(JoinInfo const& join_info, std::chrono::milliseconds patience = long_time) {
  asio::io_context context;
  try {
    static_cast<void>(connect_to_master(context, join_info, hello_of(1), patience));
  } catch (farm::SpawnError const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("who holds the key is let in, over a Unix socket and over TCP, and is known by the greeting") {
  Master master;
  asio::io_context context;
  for (auto const way : {Way::unix_socket, Way::tcp}) {
    auto const join_info = master.join_info(way);
    auto const index = master.groups().size();
    auto socket = connect_to_master(context, join_info, hello_of(7));
    CHECK(socket.local_endpoint().protocol().family() == (way == Way::tcp ? AF_INET : AF_UNIX));
    REQUIRE(master.wait_for(index + 1));
    auto const hello = master.hello(index);
    CHECK(hello.group == 7);
    CHECK(hello.rank == 1);
    CHECK(hello.pid == 42);
    CHECK(hello.host == "here");
    CHECK(hello.build_id == "ab12");
    CHECK_FALSE(hello.is_guard);
  }
}

TEST_CASE("where the Unix socket is out of reach, TCP is used") {
  Master master;
  asio::io_context context;
  auto join_info = master.join_info(Way::unix_socket);
  join_info.local_name += "?";
  auto socket = connect_to_master(context, join_info, hello_of(7));
  CHECK(socket.local_endpoint().protocol().family() == AF_INET);
  CHECK(master.wait_for(1));
}

TEST_CASE("the wrong key, garbage and greetings of any wrong size are refused, each in one line on stderr") {
  Master master;
  for (auto const way : {Way::unix_socket, Way::tcp}) {
    auto const join_info = master.join_info(way);
    std::string const from = way == Way::tcp ? "127.0.0.1 port " : "this host";
    auto const refused = [&](std::string const& reason, auto const& act) {
      CAPTURE(reason, from);
      Captured const errors{2};
      Visitor const visitor{join_info, way};
      act(visitor, visitor.read_challenge());
      CHECK(visitor.is_sent_away());
      auto const text = first_line(errors);
      CHECK_THAT(text, contains("farm: connection from " + from) && contains("refused: " + reason));
      CHECK(lines(text) == 1);
    };
    refused("it does not hold the key", [&](Visitor const& visitor, Challenge const& challenge) {
      visitor.write(response_to(challenge, random_bytes(), pack(hello_of(1))));
    });
    refused("it does not hold the key", [&](Visitor const& visitor, Challenge const& challenge) {
      auto bytes = response_to(challenge, join_info.key, pack(hello_of(1)));
      bytes.back() = static_cast<char>(bytes.back() ^ 1);  // the greeting was tampered with
      visitor.write(bytes);
    });
    refused("its greeting is too long", [](Visitor const& visitor, Challenge const& /*challenge*/) {
      Response response;
      response.hello_size = max_hello_size + 1;
      visitor.write_object(response);
    });
    refused("its greeting is too long", [](Visitor const& visitor, Challenge const& /*challenge*/) {
      visitor.write("GET / HTTP/1.1\r\n" + std::string(5000, 'x'));
    });
    refused("no such group", [&](Visitor const& visitor, Challenge const& challenge) {
      visitor.write(response_to(challenge, join_info.key, pack(hello_of(666))));
      static_cast<void>(visitor.read(sizeof(Mac)));
    });
    refused("", [&](Visitor const& visitor, Challenge const& challenge) {  // it holds the key, but talks nonsense
      visitor.write(response_to(challenge, join_info.key, "nonsense"));
      static_cast<void>(visitor.read(sizeof(Mac)));
    });
  }
  CHECK(master.groups().empty());
  asio::io_context context;
  auto const socket = connect_to_master(context, master.join_info(Way::tcp), hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("the response of an earlier connection does not let anybody in") {
  Master master;
  auto const join_info = master.join_info(Way::tcp);
  Visitor const first{join_info, Way::tcp};
  auto const recorded = response_to(first.read_challenge(), join_info.key, pack(hello_of(5)));
  first.write(recorded);
  REQUIRE(master.wait_for(1));

  Captured const errors{2};
  Visitor const second{join_info, Way::tcp};
  static_cast<void>(second.read_challenge());
  second.write(recorded);
  CHECK(second.is_sent_away());
  CHECK_THAT(first_line(errors), contains("it does not hold the key"));
  CHECK(master.groups().size() == 1);
}

TEST_CASE("who says nothing, or too little, is sent away after a while") {
  Master master{{.patience = 100ms}};
  for (auto const* const said : {"", "only a part of a response"}) {
    Captured const errors{2};
    Visitor const visitor{master.join_info(Way::unix_socket), Way::unix_socket};
    static_cast<void>(visitor.read_challenge());
    visitor.write(said);
    CHECK(visitor.is_sent_away());
    CHECK(first_line(errors) == "farm: connection from this host refused: it has not shown the key within 0.1 s\n");
  }
}

TEST_CASE("who leaves during the handshake is no trouble") {
  Master master;
  { Visitor const visitor{master.join_info(Way::tcp), Way::tcp}; }
  asio::io_context context;
  auto const socket = connect_to_master(context, master.join_info(Way::tcp), hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("another user of this host is refused at the Unix socket") {
  if (getuid() != 0) return;  // only root can try
  Master master;
  auto const join_info = master.join_info(Way::unix_socket);
  Captured const errors{2};
  pid_t const other = fork();
  if (other == 0) {
    if (setuid(65534) != 0) _exit(2);
    Visitor const visitor{join_info, Way::unix_socket};
    _exit(visitor.is_sent_away() ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(other, &status, 0) == other);
  CHECK(status == 0);
  CHECK_THAT(first_line(errors), contains("another user"));
}

TEST_CASE("more silent visitors than are let into the hall delay the others, who all get in once those have left") {
  auto const way = GENERATE(Way::unix_socket, Way::tcp);
  Master master{{.patience = 1h, .visitors = 2}};
  auto const join_info = master.join_info(way);
  std::vector<Visitor> silent;
  for (int i = 0; i < 2; ++i) {
    silent.emplace_back(join_info, way);
    static_cast<void>(silent.back().read_challenge());
  }
  std::vector<Visitor> honest;
  for (int i = 0; i < 20; ++i) honest.emplace_back(join_info, way);
  for (auto const& visitor : honest) CHECK_FALSE(visitor.wait(1ms));
  {
    Captured const errors{2};
    silent.clear();
    for (auto const& visitor : honest) {
      visitor.write(response_to(visitor.read_challenge(), join_info.key, pack(hello_of(9))));
      CHECK(visitor.read(sizeof(Mac)).size() == sizeof(Mac));
    }
  }
  CHECK(master.wait_for(20));
}

TEST_CASE("silent visitors that do not leave by themselves are sent away in time for the others") {
  Captured const errors{2};
  Master master{{.patience = 200ms, .visitors = 2}};
  auto const join_info = master.join_info(Way::tcp);
  std::vector<Visitor> silent;
  for (int i = 0; i < 6; ++i) silent.emplace_back(join_info, Way::tcp);
  asio::io_context context;
  auto const socket = connect_to_master(context, join_info, hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("when descriptors run out, those who come wait, which is said once") {
  Master master;
  auto const join_info = master.join_info(Way::unix_socket);
  Visitor const visitor{socket(AF_UNIX, SOCK_STREAM, 0)};
  Captured const errors{2};
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit const none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  visitor.come(join_info, Way::unix_socket);
  bool const came = visitor.wait(300ms);
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK_FALSE(came);
  CHECK(visitor.read_challenge().magic == stream_magic);
  CHECK_THAT(errors.text(), contains("connections have to wait: Too many open files"));
  CHECK(lines(errors.text()) == 1);
}

TEST_CASE("a listener may go while visitors are in the hall and others wait") {
  for (int i = 0; i < 10; ++i) {
    std::vector<Visitor> visitors;
    Master master{{.visitors = 2}};
    for (auto const way : {Way::unix_socket, Way::tcp, Way::unix_socket, Way::tcp})
      visitors.emplace_back(master.join_info(way), way);
    static_cast<void>(visitors.front().read_challenge());
  }
}

TEST_CASE("a listener that does not hold the key, or is no farm, is found out by who connects") {
  auto const challenge = [](Visitor const& visitor) { visitor.write_object(Challenge{stream_magic, random_bytes()}); };
  {
    Impostor const impostor{[&](Visitor const& visitor) {
      challenge(visitor);
      static_cast<void>(visitor.read(sizeof(Response)));
      visitor.write_object(random_bytes());
    }};
    CHECK_THAT(failure_to_connect(impostor.join_info()), contains("does not hold the key"));
  }
  {
    Impostor const mirror{[&](Visitor const& visitor) {  // gives back the code that it was sent
      challenge(visitor);
      auto const response = visitor.read(sizeof(Response));
      visitor.write(response.substr(sizeof(Nonce), sizeof(Mac)));
    }};
    CHECK_THAT(failure_to_connect(mirror.join_info()), contains("does not hold the key"));
  }
  {
    Impostor const other{
        [](Visitor const& visitor) { visitor.write("220 mail.example.org ESMTP, which is no challenge at all"); }};
    CHECK_THAT(failure_to_connect(other.join_info()), contains("no farm"));
  }
}

TEST_CASE("a listener that says nothing, or stops, is given up after a while, and one that is not there at once") {
  auto const unreachable = contains("cannot reach the master on elsewhere at 127.0.0.1 port");
  {
    Impostor const silent{[](Visitor const& /*visitor*/) {}};
    CHECK_THAT(failure_to_connect(silent.join_info(), 100ms), unreachable);
  }
  {
    Impostor const stops{[](Visitor const& visitor) { visitor.write_object(Challenge{stream_magic, random_bytes()}); }};
    CHECK_THAT(failure_to_connect(stops.join_info(), 100ms), unreachable);
  }
  JoinInfo nobody;
  {
    Impostor const gone{[](Visitor const& /*visitor*/) {}};
    nobody = gone.join_info();
    static_cast<void>(failure_to_connect(nobody, 1ms));
  }
  CHECK_THAT(failure_to_connect(nobody), unreachable);
}
