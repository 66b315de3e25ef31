#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/rank/shared_page.hpp"

#include <cstdint>
#include <string_view>

/// The guard: the process that a rank is forked from. It stays the one that the launcher watches, so that whatever
/// becomes of the rank, the launcher sees an orderly end; and it holds the lifeline to the master. spawn/README.md says
/// why.
namespace farm::detail {

/// The rank's side of its guard; there is one at most in a process.
class GuardLink {
 public:
  GuardLink() = default;
  GuardLink(int control, SharedPage* page) : control_(control), page_(page) {}

  [[nodiscard]] bool guarded() const { return page_ != nullptr; }
  /// Tells the guard where the master is; it then opens the lifeline. Once.
  void announce(JoinInfo const& join_info, Hello const& hello) const;
  void set_finalized() const;
  /// Of a task, by its task_key.
  [[nodiscard]] bool is_to_stop(std::uint64_t key) const noexcept {
    return page_ != nullptr && page_->to_stop.load(std::memory_order_relaxed) == key;
  }
  /// Before a task is begun: false where it must not be.
  [[nodiscard]] bool begin(std::uint64_t key) const noexcept { return page_ == nullptr || page_->begin(key); }
  void set_note(std::string_view note) const noexcept;

 private:
  int control_ = -1;
  SharedPage* page_ = nullptr;
};

/// Splits this process in two: returns in the rank, whose guard never returns. Before any thread and any MPI call;
/// where the process has threads already, the rank executes the program anew. With FARM_GUARD=0 there is no guard, and
/// this process itself is the rank. Throws std::system_error where the system gives no process or descriptors.
[[nodiscard]] GuardLink split_off_guard(char** argv);

/// The link of this process, once split_off_guard() has returned.
[[nodiscard]] GuardLink const& guard_link();

}  // namespace farm::detail
