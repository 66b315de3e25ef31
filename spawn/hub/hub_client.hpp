#pragma once

#include <exception>

namespace farm::detail {

class Group;

/// An engine, as the hub sees it. Calls come on the hub's thread.
class HubClient {
 public:
  HubClient() = default;
  HubClient(HubClient const&) = delete;
  HubClient& operator=(HubClient const&) = delete;
  virtual ~HubClient() = default;
  /// Tells whether groups of others wait for room. While they do, the client is to release its idle groups.
  virtual void others_wait(bool waiting) = 0;
  /// A group of this client waits for room that only groups of this client hold.
  virtual void waits_for_own_groups(Group& group) = 0;
  /// The program was interrupted: all tasks of the client, present and future, are to end with this error.
  virtual void interrupted(std::exception_ptr const& error) = 0;
};

}  // namespace farm::detail
