#pragma once

namespace farm::detail {

/// Does nothing. The Runtime calls it so that the linker includes our MPI_Abort in every program that has a Runtime.
void keep_abort_linked();

}  // namespace farm::detail
