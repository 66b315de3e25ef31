#pragma once

#include <asio/io_context.hpp>
#include <asio/local/stream_protocol.hpp>

/// Sockets that are closed on exec: a program that the master or a task starts must not keep connections open. Asio's
/// own functions open sockets that programs inherit.
namespace farm::detail {

/// Returns the descriptor of a new stream socket. Throws std::system_error.
[[nodiscard]] int open_socket(int family);

/// Accepts a connection. Returns -1 and sets errno if that fails.
[[nodiscard]] int accept_socket(int listening) noexcept;

/// Opens both sockets and connects them. Throws std::system_error.
void open_socket_pair(asio::local::stream_protocol::socket& one, asio::local::stream_protocol::socket& other);

}  // namespace farm::detail
