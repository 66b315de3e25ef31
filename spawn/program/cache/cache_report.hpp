#pragma once

#include "spawn/cache/cache_listing.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace farm::detail {

/// Returns the results as a table, the newest first.
[[nodiscard]] std::string listing_text(std::vector<ListedResult> const& results);
/// Returns one JSON object per line, the newest first.
[[nodiscard]] std::string listing_json(std::vector<ListedResult> const& results);

/// Returns "1 result", "4 results".
[[nodiscard]] std::string counted_results(std::uint64_t count);

/// What a cache holds, added up.
struct CacheTotals {
  struct Function {
    std::uint64_t results = 0;
    std::uint64_t bytes = 0;  ///< of the results, and of their arrays
    double seconds = 0;       ///< that it took to compute them
  };
  std::string directory{};
  std::map<std::string, Function> functions{};
  Function all{};
  std::uint64_t damaged = 0;

  void add(ListedResult const& result);
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::string json() const;
};

}  // namespace farm::detail
