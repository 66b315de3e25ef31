#pragma once

#include <exception>

namespace farm::detail {

/// An engine, as the hub sees it. Calls come on the hub's thread.
class HubClient {
 public:
  HubClient() = default;
  HubClient(HubClient const&) = delete;
  HubClient& operator=(HubClient const&) = delete;
  virtual ~HubClient() = default;
  /// Tells whether groups wait for room. While they do, the client is to release its idle groups.
  virtual void others_wait(bool waiting) = 0;
  /// The program was interrupted: all tasks of the client, present and future, are to end with this error.
  virtual void interrupted(std::exception_ptr const& error) = 0;
};

}  // namespace farm::detail
