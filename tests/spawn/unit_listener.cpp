// A listener, and connectors that follow the protocol or not.
#include "spawn/join/listener.hpp"

#include "spawn/join/connect.hpp"

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

/// Long enough for a loaded machine; only a test that fails waits so long.
constexpr auto long_time = 20s;

enum class Route { unix_socket, tcp };

class Master {
 public:
  explicit Master(ListenerLimits limits = {})
      : listener_(std::make_unique<Listener>(
            context_, [this](Hello const& hello, Socket socket) { accept(hello, std::move(socket)); }, limits)),
        thread_([this] { context_.run(); }) {}
  Master(Master const&) = delete;
  Master& operator=(Master const&) = delete;
  ~Master() {
    context_.stop();
    thread_.join();
    listener_.reset();  // before the context, which still holds connections
  }

  [[nodiscard]] JoinInfo join_info(Route route) const {
    auto join_info = listener_->join_info();
    if (route == Route::tcp) join_info.host += " is another";
    return join_info;
  }

  [[nodiscard]] bool wait_for(std::size_t count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, long_time, [&] { return joined_.size() >= count; });
  }
  [[nodiscard]] std::vector<std::uint64_t> groups() {
    std::scoped_lock const lock{mutex_};
    std::vector<std::uint64_t> groups;
    for (auto const& each : joined_) groups.push_back(each.hello.group);
    return groups;
  }
  [[nodiscard]] Hello hello(std::size_t index) {
    std::scoped_lock const lock{mutex_};
    return joined_.at(index).hello;
  }

 private:
  struct Joined {
    Hello hello;
    Socket socket;
  };

  void accept(Hello const& hello, Socket socket) {
    std::scoped_lock const lock{mutex_};
    if (hello.group == 666) throw std::runtime_error("no such group");
    joined_.push_back({hello, std::move(socket)});
    changed_.notify_all();
  }

  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Joined> joined_;
  std::unique_ptr<Listener> listener_;
  std::thread thread_;
};

/// One end of a connection, which need not follow the protocol.
class Connection {
 public:
  explicit Connection(int descriptor) : descriptor_(descriptor) {}
  Connection(JoinInfo const& join_info, Route route)
      : Connection(socket(route == Route::tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0)) {
    connect_to(join_info, route);
  }
  Connection(Connection&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  Connection& operator=(Connection&&) = delete;
  ~Connection() {
    if (descriptor_ >= 0) close(descriptor_);
  }

  void connect_to(JoinInfo const& join_info, Route route) const {
    int result = -1;
    if (route == Route::tcp) {
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

  /// Returns true if there is something to read, or the other end is closed, before `time` is over.
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
  [[nodiscard]] bool is_closed_by_peer() const {
    char byte = 0;
    return wait(long_time) && ::read(descriptor_, &byte, 1) <= 0;
  }
  [[nodiscard]] Challenge read_challenge() const {
    Challenge challenge;
    auto const bytes = read(sizeof challenge);
    if (bytes.size() != sizeof challenge) throw std::runtime_error("no challenge has arrived");
    std::memcpy(&challenge, bytes.data(), sizeof challenge);
    return challenge;
  }

 private:
  int descriptor_;
};

std::size_t lines(std::string const& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

/// The connector may notice that it is refused before the listener writes the line.
std::string first_line(Captured const& errors) {
  auto const end = std::chrono::steady_clock::now() + long_time;
  while (lines(errors.text()) == 0 && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  return errors.text();
}

Hello hello_of(std::uint64_t group) {
  return {.group = group, .rank = 1, .pid = 42, .host = "here", .build_id = "ab12"};
}

/// A process that listens where a master is expected.
class Impostor {
 public:
  explicit Impostor(std::function<void(Connection const&)> talk) : descriptor_(socket(AF_INET, SOCK_STREAM, 0)) {
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
    thread_ = std::thread([this, talk = std::move(talk)] {
      Connection const connection{accept(descriptor_, nullptr, nullptr)};
      talk(connection);
      static_cast<void>(connection.is_closed_by_peer());  // waits until the connector has left
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

std::string failure_to_connect(JoinInfo const& join_info, std::chrono::milliseconds timeout = long_time) {
  asio::io_context context;
  try {
    static_cast<void>(connect_to_master(context, join_info, hello_of(1), timeout));
  } catch (farm::SpawnError const& e) {
    return e.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a connector that holds the key is accepted, over a Unix socket and over TCP, with its hello") {
  Master master;
  asio::io_context context;
  for (auto const route : {Route::unix_socket, Route::tcp}) {
    auto const join_info = master.join_info(route);
    auto const index = master.groups().size();
    auto socket = connect_to_master(context, join_info, hello_of(7));
    CHECK(socket.local_endpoint().protocol().family() == (route == Route::tcp ? AF_INET : AF_UNIX));
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

TEST_CASE("if the Unix socket cannot be reached, TCP is used") {
  Master master;
  asio::io_context context;
  auto join_info = master.join_info(Route::unix_socket);
  join_info.local_name += "?";
  auto socket = connect_to_master(context, join_info, hello_of(7));
  CHECK(socket.local_endpoint().protocol().family() == AF_INET);
  CHECK(master.wait_for(1));
}

TEST_CASE("a wrong key, garbage and a hello of the wrong size are refused, each with one line on stderr") {
  Master master;
  for (auto const route : {Route::unix_socket, Route::tcp}) {
    auto const join_info = master.join_info(route);
    std::string const from = route == Route::tcp ? "127.0.0.1 port " : "this host";
    auto const refused = [&](std::string const& reason, auto const& act) {
      CAPTURE(reason, from);
      Captured const errors{2};
      Connection const connection{join_info, route};
      act(connection, connection.read_challenge());
      CHECK(connection.is_closed_by_peer());
      auto const text = first_line(errors);
      CHECK_THAT(text, contains("farm: connection from " + from) && contains("refused: " + reason));
      CHECK(lines(text) == 1);
    };
    refused("it does not hold the key", [&](Connection const& connection, Challenge const& challenge) {
      connection.write(response_to(challenge, random_bytes(), pack(hello_of(1))));
    });
    refused("it does not hold the key", [&](Connection const& connection, Challenge const& challenge) {
      auto bytes = response_to(challenge, join_info.key, pack(hello_of(1)));
      bytes.back() = static_cast<char>(bytes.back() ^ 1);  // the hello was tampered with
      connection.write(bytes);
    });
    refused("its hello is too long", [](Connection const& connection, Challenge const& /*challenge*/) {
      Response response;
      response.hello_size = max_hello_size + 1;
      connection.write_object(response);
    });
    refused("its hello is too long", [](Connection const& connection, Challenge const& /*challenge*/) {
      connection.write("GET / HTTP/1.1\r\n" + std::string(5000, 'x'));
    });
    refused("no such group", [&](Connection const& connection, Challenge const& challenge) {
      connection.write(response_to(challenge, join_info.key, pack(hello_of(666))));
      static_cast<void>(connection.read(sizeof(Mac)));
    });
    refused("", [&](Connection const& connection,
                    Challenge const& challenge) {  // it holds the key, but its hello is invalid
      connection.write(response_to(challenge, join_info.key, "nonsense"));
      static_cast<void>(connection.read(sizeof(Mac)));
    });
  }
  CHECK(master.groups().empty());
  asio::io_context context;
  auto const socket = connect_to_master(context, master.join_info(Route::tcp), hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("a recorded response of an earlier connection is refused") {
  Master master;
  auto const join_info = master.join_info(Route::tcp);
  Connection const first{join_info, Route::tcp};
  auto const recorded = response_to(first.read_challenge(), join_info.key, pack(hello_of(5)));
  first.write(recorded);
  REQUIRE(master.wait_for(1));

  Captured const errors{2};
  Connection const second{join_info, Route::tcp};
  static_cast<void>(second.read_challenge());
  second.write(recorded);
  CHECK(second.is_closed_by_peer());
  CHECK_THAT(first_line(errors), contains("it does not hold the key"));
  CHECK(master.groups().size() == 1);
}

TEST_CASE("a connector that sends nothing, or too little, is refused after the handshake timeout") {
  Master master{{.handshake_timeout = 100ms}};
  for (auto const* const said : {"", "only a part of a response"}) {
    Captured const errors{2};
    Connection const connection{master.join_info(Route::unix_socket), Route::unix_socket};
    static_cast<void>(connection.read_challenge());
    connection.write(said);
    CHECK(connection.is_closed_by_peer());
    CHECK(first_line(errors) == "farm: connection from this host refused: it has not shown the key within 0.1 s\n");
  }
}

TEST_CASE("a connector that leaves during the handshake does no harm") {
  Master master;
  { Connection const connection{master.join_info(Route::tcp), Route::tcp}; }
  asio::io_context context;
  auto const socket = connect_to_master(context, master.join_info(Route::tcp), hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("another user of this host is refused at the Unix socket") {
  if (getuid() != 0) return;  // only root can try
  Master master;
  auto const join_info = master.join_info(Route::unix_socket);
  Captured const errors{2};
  pid_t const other = fork();
  if (other == 0) {
    if (setuid(65534) != 0) _exit(2);
    Connection const connection{join_info, Route::unix_socket};
    _exit(connection.is_closed_by_peer() ? 0 : 1);
  }
  int status = -1;
  REQUIRE(waitpid(other, &status, 0) == other);
  CHECK(status == 0);
  CHECK_THAT(first_line(errors), contains("another user"));
}

TEST_CASE("silent connectors beyond the limit delay the others, which are all accepted once those have left") {
  auto const route = GENERATE(Route::unix_socket, Route::tcp);
  Master master{{.handshake_timeout = 1h, .handshakes = 2}};
  auto const join_info = master.join_info(route);
  std::vector<Connection> silent;
  for (int i = 0; i < 2; ++i) {
    silent.emplace_back(join_info, route);
    static_cast<void>(silent.back().read_challenge());
  }
  std::vector<Connection> authentic;
  for (int i = 0; i < 20; ++i) authentic.emplace_back(join_info, route);
  for (auto const& connection : authentic) CHECK_FALSE(connection.wait(1ms));
  {
    Captured const errors{2};
    silent.clear();
    for (auto const& connection : authentic) {
      connection.write(response_to(connection.read_challenge(), join_info.key, pack(hello_of(9))));
      CHECK(connection.read(sizeof(Mac)).size() == sizeof(Mac));
    }
  }
  CHECK(master.wait_for(20));
}

TEST_CASE("silent connectors that do not leave are refused in time for the others to be accepted") {
  Captured const errors{2};
  Master master{{.handshake_timeout = 200ms, .handshakes = 2}};
  auto const join_info = master.join_info(Route::tcp);
  std::vector<Connection> silent;
  for (int i = 0; i < 6; ++i) silent.emplace_back(join_info, Route::tcp);
  asio::io_context context;
  auto const socket = connect_to_master(context, join_info, hello_of(3));
  CHECK(master.wait_for(1));
}

TEST_CASE("when descriptors run out, connections wait, and one line says so") {
  Master master;
  auto const join_info = master.join_info(Route::unix_socket);
  Connection const connection{socket(AF_UNIX, SOCK_STREAM, 0)};
  Captured const errors{2};
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit const none{.rlim_cur = 3, .rlim_max = before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  connection.connect_to(join_info, Route::unix_socket);
  bool const accepted = connection.wait(300ms);
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK_FALSE(accepted);
  CHECK(connection.read_challenge().magic == stream_magic);
  CHECK_THAT(errors.text(), contains("connections have to wait: Too many open files"));
  CHECK(lines(errors.text()) == 1);
}

TEST_CASE("a listener may be destroyed while handshakes are in progress and connections wait") {
  for (int i = 0; i < 10; ++i) {
    std::vector<Connection> connections;
    Master master{{.handshakes = 2}};
    for (auto const route : {Route::unix_socket, Route::tcp, Route::unix_socket, Route::tcp})
      connections.emplace_back(master.join_info(route), route);
    static_cast<void>(connections.front().read_challenge());
  }
}

TEST_CASE("a connector detects a listener that does not hold the key or is no farm") {
  auto const challenge = [](Connection const& connection) {
    connection.write_object(Challenge{stream_magic, random_bytes()});
  };
  {
    Impostor const impostor{[&](Connection const& connection) {
      challenge(connection);
      static_cast<void>(connection.read(sizeof(Response)));
      connection.write_object(random_bytes());
    }};
    CHECK_THAT(failure_to_connect(impostor.join_info()), contains("does not hold the key"));
  }
  {
    Impostor const mirror{[&](Connection const& connection) {  // returns the code that it received
      challenge(connection);
      auto const response = connection.read(sizeof(Response));
      connection.write(response.substr(sizeof(Nonce), sizeof(Mac)));
    }};
    CHECK_THAT(failure_to_connect(mirror.join_info()), contains("does not hold the key"));
  }
  {
    Impostor const other{[](Connection const& connection) {
      connection.write("220 mail.example.org ESMTP, which is no challenge at all");
    }};
    CHECK_THAT(failure_to_connect(other.join_info()), contains("no farm"));
  }
}

TEST_CASE("a connector gives up a silent listener at its timeout, and a missing listener at once") {
  auto const unreachable = contains("cannot reach the master on elsewhere at 127.0.0.1 port");
  {
    Impostor const silent{[](Connection const& /*connection*/) {}};
    CHECK_THAT(failure_to_connect(silent.join_info(), 100ms), unreachable);
  }
  {
    Impostor const stops{[](Connection const& connection) {
      connection.write_object(Challenge{stream_magic, random_bytes()});
    }};
    CHECK_THAT(failure_to_connect(stops.join_info(), 100ms), unreachable);
  }
  JoinInfo nobody;
  {
    Impostor const gone{[](Connection const& /*connection*/) {}};
    nobody = gone.join_info();
    static_cast<void>(failure_to_connect(nobody, 1ms));
  }
  CHECK_THAT(failure_to_connect(nobody), unreachable);
}
