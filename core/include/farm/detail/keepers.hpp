#pragma once

#include <memory>
#include <utility>
#include <vector>

/// How what packed bytes refer to (files of arrays) stays there for as long as the bytes are on their way.
namespace farm::detail {

/// Where note_keeper() puts keepers on this thread; null: nowhere.
inline thread_local std::vector<std::shared_ptr<void>>* keeper_collector = nullptr;

/// Called by the serialization of a value that refers to something with a lifetime. Empty keepers are not noted.
inline void note_keeper(std::shared_ptr<void> const& keeper) {
  if (keeper != nullptr && keeper_collector != nullptr) keeper_collector->push_back(keeper);
}

/// While it lives, the keepers of what this thread packs are appended to the vector, which must outlive it.
class KeeperScope {
 public:
  explicit KeeperScope(std::vector<std::shared_ptr<void>>& keepers) noexcept
      : outer_(std::exchange(keeper_collector, &keepers)) {}
  KeeperScope(KeeperScope const&) = delete;
  KeeperScope& operator=(KeeperScope const&) = delete;
  ~KeeperScope() { keeper_collector = outer_; }

 private:
  std::vector<std::shared_ptr<void>>* outer_;
};

}  // namespace farm::detail
