#pragma once

namespace farm::detail {

/// Tells if MPI ends this process in MPI_Init. Called when the process exits.
void tell_at_exit();

/// Watches one call of MPI_Init in a process that a launcher has started. If MPI ends the process in that call, or if
/// the call does not return within a minute, one line on the standard error says what to do: MPI's own texts do not.
class MpiWatch {
 public:
  MpiWatch();
  MpiWatch(MpiWatch const&) = delete;
  MpiWatch& operator=(MpiWatch const&) = delete;
  ~MpiWatch();
};

}  // namespace farm::detail
