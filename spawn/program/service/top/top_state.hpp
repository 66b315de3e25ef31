#pragma once

#include "spawn/service/client/replies.hpp"
#include "spawn/service/client/requests.hpp"
#include "spawn/service/model/job.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// A group of the server.
struct TopGroup {
  std::uint64_t group = 0;
  std::int64_t ranks = 0;
  std::string hosts{};  ///< each once, separated by commas
  std::string state{};  ///< "running"
  std::optional<TaskName> task{};
  std::uint64_t attempt = 0;
  std::optional<double> since{};  ///< when its task began, in seconds since 1970
  double progress = 0;            ///< of its task; 0: unknown
  std::uint64_t tasks = 0;        ///< how many it has run
};

/// What `farm top` shows.
struct TopState {
  ServerReply server{};
  std::vector<TopGroup> groups{};  ///< by number
  std::vector<JobReply> jobs{};    ///< all that have not ended, and the latest of the others; by number
  double time = 0;                 ///< when this was asked, in seconds since 1970
  std::string groups_json{};
};

/// Returns the groups of the answer to GET /api/v1/groups. Throws ServiceError if the text is not that.
[[nodiscard]] std::vector<TopGroup> read_groups(std::string_view json);

/// Asks the server for all of it. Blocks. Throws as Connection does.
[[nodiscard]] TopState ask_state(Requests& requests);

/// Returns how many ranks there are, and how many of them run a task.
struct RankCounts {
  std::int64_t all = 0;
  std::int64_t busy = 0;
};
[[nodiscard]] RankCounts count_ranks(std::vector<TopGroup> const& groups);

}  // namespace farm::detail
