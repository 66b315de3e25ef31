#pragma once

#include <asio/generic/stream_protocol.hpp>

namespace farm::detail {

/// A connected stream socket, Unix or TCP.
using Socket = asio::generic::stream_protocol::socket;

}  // namespace farm::detail
