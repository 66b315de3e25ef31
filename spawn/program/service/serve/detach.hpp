#pragma once

#include "core/base/descriptor.hpp"

#include <string>

namespace farm::detail {

/// Leaves the terminal: the caller goes on in a process of its own session, whose output goes to a file. The process
/// that the user has started waits for this one, prints what tell() is given, and exits.
class Detached {
 public:
  /// Call it while the process has one thread. Returns in the new process only. Throws std::system_error.
  explicit Detached(std::string const& log);
  /// The service has begun, or cannot: the waiting process prints the text, to the standard error if it is an error,
  /// and exits with this status. Does nothing after the first call.
  void tell(std::string const& text, int status);

 private:
  Descriptor pipe_;
};

}  // namespace farm::detail
