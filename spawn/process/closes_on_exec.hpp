#pragma once

#include <set>

namespace farm::detail {

/// Sets the sockets, pipes and the like that MPI opens during its lifetime to be closed on exec. Programs that this
/// process starts must not keep MPI's connections open: the launcher would not notice the end of this process. Needed
/// by: Open MPI 4 and 5.
class ClosesOnExec {
 public:
  ClosesOnExec();
  ClosesOnExec(ClosesOnExec const&) = delete;
  ClosesOnExec& operator=(ClosesOnExec const&) = delete;
  ~ClosesOnExec();

 private:
  std::set<int> before_;
};

}  // namespace farm::detail
