#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/guard/shared_page.hpp"
#include "spawn/join/handshake.hpp"
#include "spawn/join/join_info.hpp"

#include <cstdint>
#include <string_view>

namespace farm::detail {

/// What a rank announces to its guard: where the master is, and the hello that the guard completes.
struct Announcement {
  JoinInfo join_info;
  Hello hello;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(join_info, hello);
  }
};

/// The rank's side of the connection to its guard. A copy refers to the same guard. Without a guard, its functions do
/// nothing.
class GuardLink {
 public:
  GuardLink() noexcept = default;
  /// Takes over `control`, which stays open until the process ends. `page` must stay mapped as long.
  GuardLink(Descriptor control, SharedPage* page) noexcept : control_(control.release()), page_(page) {}

  [[nodiscard]] bool guarded() const { return page_ != nullptr; }
  /// Tells the guard where the master is, so that the guard opens the lifeline. Call it once. Throws std::system_error.
  void announce(JoinInfo const& join_info, Hello const& hello) const;
  /// Tells the guard that the rank has come to its Runtime.
  void enter_runtime() const;
  /// Tells the guard that MPI is finalized: the rank then ends as intended.
  void set_finalized() const;
  /// Returns true if the task with this task_key is to stop. Thread-safe.
  [[nodiscard]] bool is_to_stop(std::uint64_t key) const noexcept {
    return page_ != nullptr && page_->to_stop.load(std::memory_order_relaxed) == key;
  }
  /// Begins the task with this task_key. Returns false if the task was recalled; the rank must then skip it.
  [[nodiscard]] bool begin(std::uint64_t key) const noexcept { return page_ == nullptr || page_->begin(key); }
  /// Tells the guard which process starts programs for the rank: the guard leaves after that process.
  void set_runner(std::int32_t process) const noexcept;
  /// Sets the explanation that the guard reports with the rank's exit.
  void set_note(std::string_view note) const noexcept;

 private:
  int control_ = -1;
  SharedPage* page_ = nullptr;
};

/// Returns the link of this process; it has no guard before split_off_guard() has returned.
[[nodiscard]] GuardLink const& guard_link();
void set_guard_link(GuardLink const& link);

}  // namespace farm::detail
