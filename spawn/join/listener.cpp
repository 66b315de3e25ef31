#include "spawn/join/listener.hpp"

#include "core/base/host_name.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/join/network.hpp"
#include "spawn/wire/open_socket.hpp"

#include <farm/detail/log.hpp>

#include <fmt/format.h>
#include <asio/buffer.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <sys/socket.h>
#include <unistd.h>
#include <cerrno>
#include <chrono>
#include <memory>
#include <type_traits>
#include <utility>

namespace farm::detail {
namespace {

/// How long to wait before accepting again after the system lacked descriptors or memory.
constexpr auto retry_after = std::chrono::milliseconds{50};

std::string hexadecimal(Nonce const& bytes, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += fmt::format("{:02x}", bytes[i]);
  return text;
}

template <class Acceptor>
Acceptor listen_at(asio::io_context& context, typename Acceptor::endpoint_type const& endpoint) {
  Acceptor acceptor{context};
  auto const protocol = endpoint.protocol();
  acceptor.assign(protocol, open_socket(protocol.family()));
  acceptor.set_option(asio::socket_base::reuse_address{true});
  acceptor.bind(endpoint);
  acceptor.listen();
  acceptor.native_non_blocking(true);
  return acceptor;
}

/// Returns true if the process at the other end of a Unix socket runs as this user.
bool is_of_this_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == getuid();
}

}  // namespace

/// A connection during its handshake. Its pending operations keep it alive.
class Listener::Handshake : public std::enable_shared_from_this<Handshake> {
 public:
  Handshake(Listener& listener, Socket socket, std::string from)
      : listener_(&listener), socket_(std::move(socket)), from_(std::move(from)), timer_(listener.context_) {
    listener_->handshakes_.insert(this);
  }
  Handshake(Handshake const&) = delete;
  Handshake& operator=(Handshake const&) = delete;
  ~Handshake() {
    if (listener_ == nullptr) return;
    listener_->handshakes_.erase(this);
    listener_->resume();
  }

  void start() {
    auto const timeout = listener_->limits_.handshake_timeout;
    timer_.expires_after(timeout);
    timer_.async_wait([self = shared_from_this(), timeout](asio::error_code const& error) {
      if (!error)
        self->refuse(
            fmt::format("it has not shown the key within {:g} s", std::chrono::duration<double>{timeout}.count()));
    });
    challenge_.magic = stream_magic;
    challenge_.nonce = random_bytes();
    asio::async_write(socket_, asio::buffer(&challenge_, sizeof challenge_), then([this] {
                        asio::async_read(socket_, asio::buffer(&response_, sizeof response_),
                                         then([this] { read_hello(); }));
                      }));
  }

  /// Called by the destructor of the listener.
  void abandon() {
    listener_ = nullptr;
    close();
  }

 private:
  /// Returns a handler that keeps this alive, and that refuses the connection if the operation failed.
  std::function<void(asio::error_code const&, std::size_t)> then(std::function<void()> next) {
    return [self = shared_from_this(), next = std::move(next)](asio::error_code const& error, std::size_t /*count*/) {
      if (self->done_) return;
      if (error) return self->refuse(error.message());
      next();
    };
  }

  void read_hello() {
    if (response_.hello_size > max_hello_size) return refuse("its hello is too long");
    hello_.resize(response_.hello_size);
    asio::async_read(socket_, asio::buffer(hello_), then([this] { check(); }));
  }

  void check() {
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
                          log_error(fmt::format("connection from {} refused: {}", from_, text_of(e)));
                        }
                      }));
  }

  void refuse(std::string const& why) {
    if (done_) return;
    log_error(fmt::format("connection from {} refused: {}", from_, why));
    close();
  }

  void close() {
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
      local_(listen_at<asio::local::stream_protocol::acceptor>(context, {std::string(1, '\0') + local_name_})),
      tcp_(listen_at<asio::ip::tcp::acceptor>(context, {asio::ip::address_v4::loopback(), 0})),
      addresses_{tcp_.local_endpoint().address().to_string()},
      limits_(limits),
      retry_(context) {
  accept(local_);
  accept(tcp_);
}

Listener::~Listener() {
  for (auto* const handshake : handshakes_) handshake->abandon();
}

/// Nobody needs the loopback address any more: ranks that were given that address run on this host, and they connect
/// through the Unix socket.
void Listener::open_to_network() {
  if (on_network_) return;
  auto const limit = heartbeat();
  auto addresses = reachable_addresses();
  using asio::ip::address_v4;
  auto const where = addresses.size() == 1 ? asio::ip::make_address_v4(addresses.front()) : address_v4::any();
  tcp_ = listen_at<asio::ip::tcp::acceptor>(context_, {where, 0});
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
  if (handshakes_.size() >= limits_.handshakes) {
    (is_tcp ? tcp_paused_ : local_paused_) = true;
    return;
  }
  acceptor.async_wait(Acceptor::wait_read, [this, &acceptor](asio::error_code const& failure) {
    if (failure == asio::error::operation_aborted) return;
    int const descriptor = failure ? -1 : accept_socket(acceptor.native_handle());
    asio::error_code const error =
        failure || descriptor >= 0 ? failure : asio::error_code{errno, asio::error::get_system_category()};
    if (error == asio::error::would_block || error == asio::error::interrupted ||
        error == asio::error::connection_aborted)
      return accept(acceptor);  // there is no connection any more
    if (error) {
      if (!std::exchange(failure_logged_, true))
        log_error(fmt::format("connections have to wait: {}", error.message()));
      (is_tcp ? tcp_paused_ : local_paused_) = true;
      retry_.expires_after(retry_after);
      retry_.async_wait([this](asio::error_code const& cancelled) {
        if (!cancelled) resume();
      });
      return;
    }
    failure_logged_ = false;
    typename Acceptor::protocol_type::socket socket{context_};
    if constexpr (is_tcp) {
      socket.assign(asio::ip::tcp::v4(), descriptor);
    } else {
      socket.assign(asio::local::stream_protocol{}, descriptor);
    }
    if constexpr (is_tcp) {
      asio::error_code ignored;
      socket.set_option(asio::ip::tcp::no_delay{true}, ignored);
      enable_heartbeat(socket.native_handle(), heartbeat_);
      auto const peer = socket.remote_endpoint(ignored);
      std::make_shared<Handshake>(*this, std::move(socket),
                                  fmt::format("{} port {}", peer.address().to_string(), peer.port()))
          ->start();
    } else if (is_of_this_user(socket.native_handle())) {
      std::make_shared<Handshake>(*this, std::move(socket), "this host")->start();
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
