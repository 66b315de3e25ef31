#pragma once

#include "spawn/cache/cache_directory.hpp"
#include "spawn/cache/result_entry.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

/// What is in a cache, for people.
namespace farm::detail {

/// One result of a cache.
struct ListedResult {
  CacheDirectory::File file{};
  EntryHeader header{};           ///< empty if the entry is damaged
  std::string damage{};           ///< why the header cannot be read; empty: it is good. Values are not read
  std::uint64_t bytes = 0;        ///< of the entry
  std::uint64_t array_bytes = 0;  ///< of the files of its arrays
  std::int64_t made = 0;          ///< seconds since 1970
};

/// Calls `use` for each result, in any order. Results that go meanwhile are left out. Throws std::system_error if the
/// directory cannot be read.
void for_each_result(CacheDirectory const& cache, std::function<void(ListedResult const&)> const& use);

/// Which results are meant. A damaged one is that of no function, and as old as its file.
struct ResultSelection {
  std::optional<std::chrono::seconds> older_than{};
  std::string function{};  ///< empty: any

  /// `now` is in seconds since 1970.
  [[nodiscard]] bool selects(ListedResult const& result, std::int64_t now) const;
};

/// What was removed.
struct RemovedResults {
  std::uint64_t results = 0;
  std::uint64_t bytes = 0;
};

/// Removes the results that are meant, with their arrays; also files that programs have left behind which were ended
/// while they wrote them, once these are an hour old. Programs that use the cache meanwhile compute what they miss.
/// Throws std::system_error if something cannot be read or removed.
RemovedResults remove_results(CacheDirectory const& cache, ResultSelection const& selection);

}  // namespace farm::detail
