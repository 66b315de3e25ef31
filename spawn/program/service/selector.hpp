#pragma once

#include "spawn/service/client/requests.hpp"
#include "spawn/service/model/job.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// Numbers as users select them: `5`, `1-10`, `1,3,5-8`, `all`, `last`.
class Selector {
 public:
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  ///< belongs to it
  };

  /// Throws TypingError, which calls the numbers `what`, if the text is wrong.
  Selector(std::string_view text, std::string_view what);

  [[nodiscard]] bool is_all() const { return is_all_; }
  [[nodiscard]] bool is_last() const { return is_last_; }
  /// Returns the ranges, as they were written; none for `all` and `last`.
  [[nodiscard]] std::vector<Range> const& ranges() const { return ranges_; }
  [[nodiscard]] bool contains(std::uint64_t number) const;

 private:
  bool is_all_ = false;
  bool is_last_ = false;
  std::vector<Range> ranges_{};
};

/// Returns the numbers of the jobs that are selected, in ascending order. A job that stands there by itself need not
/// exist; of a range, those are taken that exist. Throws TypingError if there is no job for `last` or a range.
[[nodiscard]] std::vector<std::uint64_t> selected_jobs(std::string const& text, Requests& requests);
/// Returns the only job that is selected. Throws TypingError if there are several.
[[nodiscard]] std::uint64_t selected_job(std::string const& text, Requests& requests);
/// Returns the task that "5.2" or "last.2" names. Throws TypingError.
[[nodiscard]] TaskName selected_task(std::string const& text, Requests& requests);

}  // namespace farm::detail
