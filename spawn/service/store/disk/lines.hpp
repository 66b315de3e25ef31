#pragma once

#include "spawn/service/model/job.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

/// A row of the tables `inputs` and `ends` holds many lines, each one item of a JSON list.
namespace farm::detail {

/// A row gets no further line once it has so many, or so many bytes.
inline constexpr std::size_t lines_per_row = 256;
inline constexpr std::size_t bytes_per_row = std::size_t{64} << 10;

/// The lines of one row, as they come.
class LineList {
 public:
  void add(std::string_view line) {
    text_ += count_ == 0 ? "[" : ",\n";
    text_ += line;
    ++count_;
  }
  [[nodiscard]] bool is_full() const { return count_ >= lines_per_row || text_.size() >= bytes_per_row; }
  [[nodiscard]] std::size_t count() const { return count_; }
  /// Returns the list, and starts anew.
  [[nodiscard]] std::string take() {
    count_ = 0;
    return std::exchange(text_, {}) + "]";
  }

 private:
  std::string text_;
  std::size_t count_ = 0;
};

/// Calls `use` with each line of a list.
template <class Use>
void for_each_line(std::string_view list, Use&& use) {
  if (list.size() < 2) return;
  list.remove_prefix(1);
  list.remove_suffix(1);
  for (;;) {
    auto const end = list.find('\n');
    if (end == std::string_view::npos) break;
    use(list.substr(0, end == 0 ? 0 : end - 1));
    list.remove_prefix(end + 1);
  }
  use(list);
}

/// Returns the line of a task: its input, or [kind, [task that it needs...], name, input] in a job that lists its
/// tasks.
[[nodiscard]] std::string line_of(TaskSpec const& task, bool listed);
/// Returns the task of a line; throws StoreError if it cannot be understood. With `with_input` false the input is left
/// out.
[[nodiscard]] TaskSpec task_of_line(std::string_view line, bool listed, bool with_input = true);
/// Returns true if the tasks must be listed: they differ in more than their inputs.
[[nodiscard]] bool must_be_listed(std::vector<TaskSpec> const& tasks);

}  // namespace farm::detail
