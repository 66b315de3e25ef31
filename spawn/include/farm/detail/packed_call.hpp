#pragma once

#include <farm/serialize.hpp>

#include <memory>
#include <vector>

namespace farm::detail {

/// A call as bytes, with what keeps the files of the arrays in it until the task is done.
struct PackedCall {
  Bytes bytes{};
  std::vector<std::shared_ptr<void>> keepers{};
  bool listens = false;  ///< the function has a TaskContext, by which it can be asked to stop
  bool alone = false;    ///< only rank 0 works: the group gets no further task meanwhile
};

}  // namespace farm::detail
