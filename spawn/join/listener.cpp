#include "spawn/join/listener.hpp"

#include "core/base/host_name.hpp"
#include "spawn/join/link.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <sys/socket.h>
#include <unistd.h>
#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

namespace farm::detail {
namespace {

/// Until accepting is tried again, where the system has no descriptors or no memory for it.
constexpr auto retry_after = std::chrono::milliseconds{50};

std::string hexadecimal(Nonce const& bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

/// Unix sockets tell who is at the other end.
bool is_of_this_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == getuid();
}

}  // namespace

/// A connection during its handshake; it keeps itself alive.
class Listener::Visitor : public std::enable_shared_from_this<Visitor> {
 public:
  Visitor(Listener& listener, Socket socket, std::string from)
      : listener_(&listener), socket_(std::move(socket)), from_(std::move(from)), timer_(listener.context_) {
    listener_->visitors_.insert(this);
  }
  Visitor(Visitor const&) = delete;
  Visitor& operator=(Visitor const&) = delete;
  ~Visitor() {
    if (listener_ == nullptr) return;
    listener_->visitors_.erase(this);
    listener_->resume();
  }

  void greet() {
    auto const patience = listener_->limits_.patience;
    timer_.expires_after(patience);
    timer_.async_wait([self = shared_from_this(), patience](asio::error_code const& error) {
      if (!error)
        self->refuse(
            fmt::format("it has not shown the key within {:g} s", std::chrono::duration<double>{patience}.count()));
    });
    challenge_.magic = stream_magic;
    challenge_.nonce = random_bytes();
    asio::async_write(socket_, asio::buffer(&challenge_, sizeof challenge_), then([this] {
                        asio::async_read(socket_, asio::buffer(&response_, sizeof response_),
                                         then([this] { read_hello(); }));
                      }));
  }

  /// The listener is no more.
  void dismiss() {
    listener_ = nullptr;
    leave();
  }

 private:
  /// A handler that keeps this alive and sends the visitor away where the operation failed.
  std::function<void(asio::error_code const&, std::size_t)> then(std::function<void()> next) {
    return [self = shared_from_this(), next = std::move(next)](asio::error_code const& error, std::size_t /*count*/) {
      if (self->done_) return;
      if (error) return self->refuse(error.message());
      next();
    };
  }

  void read_hello() {
    if (response_.hello_size > max_hello_size) return refuse("its greeting is too long");
    hello_.resize(response_.hello_size);
    asio::async_read(socket_, asio::buffer(hello_), then([this] { judge(); }));
  }

  void judge() {
    if (!equal(response_.mac, connector_mac(listener_->key_, challenge_.nonce, response_.nonce, hello_))) {
      return refuse("it does not hold the key");
    }
    answer_ = listener_mac(listener_->key_, challenge_.nonce, response_.nonce);
    asio::async_write(socket_, asio::buffer(answer_), then([this] {
                        done_ = true;
                        timer_.cancel();
                        try {
                          listener_->on_stream_(unpack<Hello>(hello_), std::move(socket_));
                        } catch (std::exception const& e) {
                          log_error(fmt::format("connection from {} refused: {}", from_, e.what()));
                        }
                      }));
  }

  void refuse(std::string const& why) {
    if (done_) return;
    log_error(fmt::format("connection from {} refused: {}", from_, why));
    leave();
  }

  void leave() {
    done_ = true;
    timer_.cancel();
    asio::error_code error;
    socket_.close(error);
  }

  Listener* listener_;
  Socket socket_;
  std::string from_;
  asio::steady_timer timer_;
  Challenge challenge_;
  Response response_;
  std::string hello_;
  Mac answer_{};
  bool done_ = false;
};

Listener::Listener(asio::io_context& context, OnStream on_stream, ListenerLimits limits)
    : context_(context),
      on_stream_(std::move(on_stream)),
      key_(random_bytes()),
      local_name_(fmt::format("farm-{}-{}", getpid(), hexadecimal(random_bytes(), 8))),
      local_(context, asio::local::stream_protocol::endpoint{std::string(1, '\0') + local_name_}),
      tcp_(context, asio::ip::tcp::endpoint{asio::ip::address_v4::loopback(), 0}),
      addresses_{tcp_.local_endpoint().address().to_string()},
      limits_(limits),
      retry_(context) {
  accept(local_);
  accept(tcp_);
}

Listener::~Listener() {
  for (auto* const visitor : visitors_) visitor->dismiss();
}

/// In place of the loopback address: who was told of that is here, or comes by the Unix socket.
void Listener::open_to_network() {
  if (on_network_) return;
  auto const limit = heartbeat();
  auto addresses = reachable_addresses();
  using asio::ip::address_v4;
  auto const where = addresses.size() == 1 ? asio::ip::make_address_v4(addresses.front()) : address_v4::any();
  asio::ip::tcp::acceptor opened{context_, asio::ip::tcp::endpoint{where, 0}};
  tcp_ = std::move(opened);
  addresses_ = std::move(addresses);
  heartbeat_ = limit;
  on_network_ = true;
  tcp_paused_ = false;
  accept(tcp_);
}

JoinInfo Listener::join_info() const {
  JoinInfo join_info;
  join_info.key = key_;
  join_info.local_name = local_name_;
  join_info.host = host_name();
  join_info.addresses = addresses_;
  join_info.heartbeat = static_cast<std::int32_t>(heartbeat_.count());
  join_info.port = tcp_.local_endpoint().port();
  return join_info;
}

template <class Acceptor>
void Listener::accept(Acceptor& acceptor) {
  constexpr bool is_tcp = std::is_same_v<Acceptor, asio::ip::tcp::acceptor>;
  if (visitors_.size() >= limits_.visitors) {
    (is_tcp ? tcp_paused_ : local_paused_) = true;
    return;
  }
  acceptor.async_accept([this, &acceptor](asio::error_code const& error, auto socket) {
    if (error == asio::error::operation_aborted) return;
    if (error) {
      if (!std::exchange(starved_, true)) log_error(fmt::format("connections have to wait: {}", error.message()));
      (is_tcp ? tcp_paused_ : local_paused_) = true;
      retry_.expires_after(retry_after);
      retry_.async_wait([this](asio::error_code const& cancelled) {
        if (!cancelled) resume();
      });
      return;
    }
    starved_ = false;
    if constexpr (is_tcp) {
      asio::error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
      watch_link(socket.native_handle(), heartbeat_);
      auto const peer = socket.remote_endpoint(ignored);
      std::make_shared<Visitor>(*this, std::move(socket),
                                fmt::format("{} port {}", peer.address().to_string(), peer.port()))
          ->greet();
    } else if (is_of_this_user(socket.native_handle())) {
      std::make_shared<Visitor>(*this, std::move(socket), "this host")->greet();
    } else {
      log_error("connection from another user of this host refused");
    }
    accept(acceptor);
  });
}

void Listener::resume() {
  if (std::exchange(local_paused_, false)) accept(local_);
  if (std::exchange(tcp_paused_, false)) accept(tcp_);
}

}  // namespace farm::detail
