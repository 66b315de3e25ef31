#pragma once

#include <farm/detail/call_notes.hpp>
#include <farm/serialize.hpp>

#include <memory>
#include <vector>

namespace farm::detail {

/// A call as bytes, with what keeps the files of the arrays in it until the task is done.
struct PackedCall {
  Bytes bytes{};
  std::vector<std::shared_ptr<void>> keepers{};
  std::unique_ptr<CallNotes> notes{};  ///< null unless the result may be cached
  bool listens = false;                ///< the function has a TaskContext, by which it can be asked to stop
  bool alone = false;                  ///< only rank 0 works: the group gets no further task meanwhile

  /// Where an archive is to note the handles of arrays; null if the call has no notes.
  [[nodiscard]] std::vector<HandleRange>* handles() const { return notes ? &notes->handles : nullptr; }
};

}  // namespace farm::detail
