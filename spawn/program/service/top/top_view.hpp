#pragma once

#include "spawn/program/service/top/top_state.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {

/// The lists of `farm top`.
enum class TopList : std::uint8_t { jobs, groups };

/// The order of the jobs. Jobs that have not ended come first in each.
enum class JobOrder : std::uint8_t { newest, failures, rate, time_left };
/// The order of the groups.
enum class GroupOrder : std::uint8_t { number, longest, most_tasks };

/// How the user wants to see the state.
struct TopView {
  std::size_t width = 80;   ///< of the terminal, in columns
  std::size_t height = 24;  ///< 0: as many lines as it takes
  bool has_colours = false;
  bool is_utf8 = true;           ///< what is not ASCII may be shown
  TopList list = TopList::jobs;  ///< which one the keys move
  std::size_t first_job = 0;     ///< how many rows are scrolled out
  std::size_t first_group = 0;
  JobOrder job_order = JobOrder::newest;
  GroupOrder group_order = GroupOrder::number;
};

enum class TopKey : std::uint8_t { none, quit, up, down, page_up, page_down, home, end, other_list, sort, refresh };

/// Takes the first key from what a terminal has sent, and removes it from `bytes`. An escape sequence that is not
/// complete yet stays there, and the answer is none.
[[nodiscard]] TopKey take_key(std::string& bytes);

/// Changes the view as the key says. `state` tells how far one can scroll.
void apply_key(TopView& view, TopKey key, TopState const& state);

/// Returns the jobs and groups in the view's order.
[[nodiscard]] std::vector<JobReply const*> ordered_jobs(TopState const& state, JobOrder order);
[[nodiscard]] std::vector<TopGroup const*> ordered_groups(TopState const& state, GroupOrder order);

/// Returns the words for the order of a list: "newest first".
[[nodiscard]] std::string_view word_of(JobOrder order);
[[nodiscard]] std::string_view word_of(GroupOrder order);

}  // namespace farm::detail
