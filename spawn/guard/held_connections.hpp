#pragma once

#include "core/base/descriptor.hpp"

namespace farm::detail {

/// Holds connections of a rank beyond its death. They wait between the two ends of a socket pair, which the rank shares
/// with its guard: what waits there stays open until it is received, or until all copies of `receiving` are closed.
struct ConnectionHolder {
  Descriptor sending;
  Descriptor receiving;
};

/// Makes a holder. Throws std::system_error.
[[nodiscard]] ConnectionHolder make_connection_holder();

/// Sets the holder of this process, which is a rank.
void set_connection_holder(ConnectionHolder holder);

/// Holds each connection that this process makes during the object's lifetime, if the process has a holder. MPI is
/// started meanwhile. Without this, the PMIx server of a rank that is killed while it connects forgets half of the
/// connection: mpiexec then hangs when it ends, or ends at once. Needed by: Open MPI 4 (PMIx 4.2).
class HoldsConnections {
 public:
  HoldsConnections() noexcept;
  HoldsConnections(HoldsConnections const&) = delete;
  HoldsConnections& operator=(HoldsConnections const&) = delete;
  ~HoldsConnections();
};

/// Closes the connections that the dead rank has left in `receiving`. Waits up to half a second for the answer to each,
/// so that the server has made the connection first. Returns at once if there are none.
void end_held_connections(int receiving) noexcept;

}  // namespace farm::detail
