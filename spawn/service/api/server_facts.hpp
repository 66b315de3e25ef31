#pragma once

#include "spawn/service/dispatch/dispatcher.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace farm::detail {

/// What a server tells about itself, and can be asked for. Does not change while requests are answered.
struct ServerFacts {
  std::string version{};
  std::string program{};  ///< its path
  std::string build{};    ///< the build id
  std::filesystem::path directory{};
  std::string host{};
  std::int64_t process = 0;
  double since = 0;                   ///< seconds since 1970
  std::string source{};               ///< "spawned", "static" or "launched"
  std::string slots{};                ///< how many there are, and from where, for people
  bool outlives = false;              ///< groups go on if the server dies
  std::uint64_t resumed_jobs = 0;     ///< that had not ended when the server began
  std::vector<std::string> damage{};  ///< of the database, as it was found
  std::string page_key{};             ///< of the page; empty: there is none. For the owner only: the Unix socket
  std::function<void(Dispatcher::How)> stop{};  ///< Ends the server. Returns at once. Thread-safe.
};

}  // namespace farm::detail
