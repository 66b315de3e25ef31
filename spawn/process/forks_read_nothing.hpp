#pragma once

#include "core/base/descriptor.hpp"

namespace farm::detail {

/// During its lifetime the standard input of this process is empty, and so is that of the processes that it forks.
/// Needed by: Open MPI 4, whose MPI_Init forks a daemon if no launcher has started the program; the daemon would read
/// what the program is to read. No other thread may read the standard input meanwhile.
class ForksReadNothing {
 public:
  ForksReadNothing();
  ForksReadNothing(ForksReadNothing const&) = delete;
  ForksReadNothing& operator=(ForksReadNothing const&) = delete;
  ~ForksReadNothing();

 private:
  Descriptor input_;
};

}  // namespace farm::detail
