#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace farm::detail {

/// An amount of a named resource, such as 2 of "licence".
struct NamedAmount {
  std::string name;
  std::int64_t amount = 0;
  friend auto operator<=>(NamedAmount const&,
                          NamedAmount const&) = default;  // NOLINT(modernize-use-nullptr): no pointer
  friend bool operator==(NamedAmount const&, NamedAmount const&) = default;
};

/// What a task needs, and so what a group is made for. A task runs on groups of its own request only.
struct Request {
  std::int32_t ranks = 1;
  std::int32_t threads = 0;  ///< of each rank, each on a core of its own. 0: one, on a core that others may share
  std::int32_t gpus = 0;     ///< of each rank, which nobody else has
  std::int64_t memory = 0;   ///< of each rank, in bytes
  std::vector<NamedAmount> named{};  ///< of the whole task, by name; no amount is 0

  friend auto operator<=>(Request const&, Request const&) = default;  // NOLINT(modernize-use-nullptr): no pointer
  friend bool operator==(Request const&, Request const&) = default;

  /// Returns true if the task asks for ranks only.
  [[nodiscard]] bool is_plain() const { return threads == 0 && gpus == 0 && memory == 0 && named.empty(); }
  /// Returns how many cores each rank counts for.
  [[nodiscard]] std::int32_t cores_per_rank() const { return threads > 0 ? threads : 1; }
};

/// Returns the request without named resources, which belong to the run and not to its hosts.
[[nodiscard]] Request without_named(Request request);

/// Returns a copy of the request that lives as long as the process, the same for equal requests; null if the request is
/// plain. Programs have few different requests. Thread-safe.
[[nodiscard]] Request const* keep_request(Request const& request);

/// Returns "2 ranks with 4 threads, 1 gpu and 2 GiB each, and licence=1", as far as the request says so.
[[nodiscard]] std::string to_text(Request const& request);

}  // namespace farm::detail
