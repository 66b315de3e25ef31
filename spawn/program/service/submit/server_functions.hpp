#pragma once

#include "spawn/service/client/requests.hpp"

#include <farm/detail/named_task.hpp>

#include <optional>
#include <string>
#include <vector>

namespace farm::detail {

/// The functions of a server, for reading inputs.
class ServerFunctions {
 public:
  /// The requests must outlive the object.
  explicit ServerFunctions(Requests& requests) : requests_(requests) {}

  /// Returns the function. If this program has it as well, with the same types, inputs are read by its types; else only
  /// their number and names are checked here, and the server checks the rest. Asks the server once. Throws TypingError,
  /// with the nearest word, if the server does not have it.
  [[nodiscard]] NamedTask find(std::string const& name);

 private:
  Requests& requests_;
  std::optional<std::vector<FunctionReply>> functions_;
};

}  // namespace farm::detail
