#pragma once

#include "core/base/descriptor.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace farm::detail {

/// The numbers of tasks that have ended. Tasks end on other threads; one thread waits for descriptor() and takes them.
class Completions {
 public:
  /// Throws std::system_error.
  Completions();
  /// Adds a number. Thread-safe.
  void add(std::uint64_t number);
  /// Wakes the waiting thread. Thread-safe, and allowed in a signal handler.
  void wake() const noexcept;
  /// Takes all numbers.
  [[nodiscard]] std::vector<std::uint64_t> take();
  /// Becomes readable when numbers were added, and after wake().
  [[nodiscard]] int descriptor() const { return event_.get(); }

 private:
  Descriptor event_;
  std::mutex mutex_;
  std::vector<std::uint64_t> numbers_;
};

}  // namespace farm::detail
