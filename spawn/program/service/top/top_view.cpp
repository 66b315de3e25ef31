#include "spawn/program/service/top/top_view.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace farm::detail {
namespace {

struct Sequence {
  std::string_view bytes;
  TopKey key;
};

/// What terminals send, for keys that have no character.
constexpr std::array sequences{
    Sequence{"\x1b[A", TopKey::up},         Sequence{"\x1bOA", TopKey::up},
    Sequence{"\x1b[B", TopKey::down},       Sequence{"\x1bOB", TopKey::down},
    Sequence{"\x1b[5~", TopKey::page_up},   Sequence{"\x1b[6~", TopKey::page_down},
    Sequence{"\x1b[H", TopKey::home},       Sequence{"\x1bOH", TopKey::home},
    Sequence{"\x1b[1~", TopKey::home},      Sequence{"\x1b[F", TopKey::end},
    Sequence{"\x1bOF", TopKey::end},        Sequence{"\x1b[4~", TopKey::end},
    Sequence{"\x1b[Z", TopKey::other_list},
};

TopKey key_of(char character) {
  switch (character) {
    case 'q':
    case 'Q':
    case '\x03':  // Ctrl-C
    case '\x04':  // Ctrl-D
      return TopKey::quit;
    case 'k':
      return TopKey::up;
    case 'j':
      return TopKey::down;
    case 'b':
    case '\x15':  // Ctrl-U
      return TopKey::page_up;
    case ' ':
    case '\x06':  // Ctrl-F
      return TopKey::page_down;
    case 'g':
      return TopKey::home;
    case 'G':
      return TopKey::end;
    case '\t':
      return TopKey::other_list;
    case 's':
      return TopKey::sort;
    case 'r':
    case '\x0c':  // Ctrl-L
      return TopKey::refresh;
    default:
      return TopKey::none;
  }
}

/// Returns how long the escape sequence at the beginning is; 0 if it is not complete.
std::size_t length_of_sequence(std::string_view bytes) {
  if (bytes.size() < 2) return 0;
  if (bytes[1] == 'O') return bytes.size() < 3 ? 0 : 3;
  if (bytes[1] != '[') return 1;
  for (std::size_t i = 2; i < bytes.size(); ++i) {
    if (bytes[i] >= '@' && bytes[i] <= '~') return i + 1;
  }
  return bytes.size() > 16 ? 1 : 0;
}

template <class Order>
Order next_order(Order order, Order last) {
  return order == last ? Order{} : static_cast<Order>(static_cast<int>(order) + 1);
}

void scroll(std::size_t& first, TopKey key, std::size_t rows, std::size_t page) {
  auto const last = rows == 0 ? 0 : rows - 1;
  first = std::min(first, last);
  switch (key) {
    case TopKey::up:
      first -= std::min<std::size_t>(first, 1);
      break;
    case TopKey::down:
      first = std::min(last, first + 1);
      break;
    case TopKey::page_up:
      first -= std::min(first, page);
      break;
    case TopKey::page_down:
      first = std::min(last, first + page);
      break;
    case TopKey::home:
      first = 0;
      break;
    case TopKey::end:
      first = rows - std::min(rows, page);
      break;
    default:
      break;
  }
}

}  // namespace

TopKey take_key(std::string& bytes) {
  while (!bytes.empty()) {
    if (bytes.front() != '\x1b') {
      auto const key = key_of(bytes.front());
      bytes.erase(0, 1);
      if (key != TopKey::none) return key;
      continue;
    }
    auto const length = length_of_sequence(bytes);
    if (length == 0) return TopKey::none;
    auto const sequence = bytes.substr(0, length);
    bytes.erase(0, length);
    for (auto const& each : sequences) {
      if (each.bytes == sequence) return each.key;
    }
  }
  return TopKey::none;
}

void apply_key(TopView& view, TopKey key, TopState const& state) {
  bool const is_jobs = view.list == TopList::jobs;
  if (key == TopKey::other_list) {
    view.list = is_jobs ? TopList::groups : TopList::jobs;
  } else if (key == TopKey::sort) {
    if (is_jobs) {
      view.job_order = next_order(view.job_order, JobOrder::time_left);
      view.first_job = 0;
    } else {
      view.group_order = next_order(view.group_order, GroupOrder::most_tasks);
      view.first_group = 0;
    }
  } else {
    auto const page = std::max<std::size_t>(1, view.height / 3);
    if (is_jobs) {
      scroll(view.first_job, key, state.jobs.size(), page);
    } else {
      scroll(view.first_group, key, state.groups.size(), page);
    }
  }
}

std::vector<JobReply const*> ordered_jobs(TopState const& state, JobOrder order) {
  std::vector<JobReply const*> jobs;
  for (auto const& job : state.jobs) jobs.push_back(&job);
  auto const value = [&](JobReply const& job) -> double {
    switch (order) {
      case JobOrder::newest:
        return 0;
      case JobOrder::failures:
        return -static_cast<double>(job.count(TaskState::failed));
      case JobOrder::rate:
        return -job.rate;
      case JobOrder::time_left:
        return job.seconds_left.value_or(std::numeric_limits<double>::max());
    }
    return 0;
  };
  std::stable_sort(jobs.begin(), jobs.end(), [&](JobReply const* a, JobReply const* b) {
    if (has_ended(a->state) != has_ended(b->state)) return has_ended(b->state);
    auto const left = value(*a);
    auto const right = value(*b);
    return left != right ? left < right : a->job > b->job;
  });
  return jobs;
}

std::vector<TopGroup const*> ordered_groups(TopState const& state, GroupOrder order) {
  std::vector<TopGroup const*> groups;
  for (auto const& group : state.groups) groups.push_back(&group);
  std::stable_sort(groups.begin(), groups.end(), [&](TopGroup const* a, TopGroup const* b) {
    if (order == GroupOrder::longest && a->since != b->since) {
      constexpr auto never = std::numeric_limits<double>::max();
      return a->since.value_or(never) < b->since.value_or(never);
    }
    if (order == GroupOrder::most_tasks && a->tasks != b->tasks) return a->tasks > b->tasks;
    return a->group < b->group;
  });
  return groups;
}

std::string_view word_of(JobOrder order) {
  switch (order) {
    case JobOrder::newest:
      return "newest first";
    case JobOrder::failures:
      return "most failures first";
    case JobOrder::rate:
      return "fastest first";
    case JobOrder::time_left:
      return "least time left first";
  }
  return "";
}

std::string_view word_of(GroupOrder order) {
  switch (order) {
    case GroupOrder::number:
      return "by number";
    case GroupOrder::longest:
      return "longest running first";
    case GroupOrder::most_tasks:
      return "most tasks first";
  }
  return "";
}

}  // namespace farm::detail
