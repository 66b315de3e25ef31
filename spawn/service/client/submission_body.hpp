#pragma once

#include "spawn/service/model/job.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace farm::detail {

/// The body of a submission: a line for the job, then a line for each task. Kept in memory as it is sent.
class SubmissionBody {
 public:
  /// With `listed`, tasks are of several kinds, or have names or needs. The job gets a random key unless it has one, so
  /// that it may be sent again. Throws UsageError if a text of the job is not UTF-8.
  explicit SubmissionBody(JobSpec spec, bool listed = false);

  /// Adds a task whose input is a line of JSON. Throws UsageError if the submission becomes larger than a server takes.
  void add(std::string_view input);
  /// Adds a task of a listed job. Throws UsageError as above.
  void add(TaskSpec const& task);

  [[nodiscard]] std::uint64_t tasks() const { return tasks_; }
  /// Returns what is sent. Call it at the end.
  [[nodiscard]] std::string const& body();

 private:
  void add_line(std::string_view line);

  std::string body_;
  std::size_t count_place_ = 0;  ///< where the number of tasks belongs
  std::uint64_t tasks_ = 0;
};

/// Returns 32 random letters, for JobSpec::key.
[[nodiscard]] std::string random_key();

}  // namespace farm::detail
