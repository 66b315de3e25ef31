#pragma once

#include <string>
#include <vector>

namespace farm::detail {

/// One line of `farm doctor`.
struct Finding {
  enum class State {
    ok,
    note,  ///< works, but could be better
    fail,  ///< would make tasks fail
  };
  std::string subject;
  State state = State::ok;
  std::string text;
  std::string advice{};  ///< what to change; empty if there is nothing to change
};
using Findings = std::vector<Finding>;

}  // namespace farm::detail
