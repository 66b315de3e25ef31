#pragma once

namespace farm::detail {

/// Called by the runtime so that our MPI_Abort is part of every program that has one.
void keep_abort_linked();

}  // namespace farm::detail
