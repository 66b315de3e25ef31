#include "spawn/program/results/tagged_output.hpp"

#include "spawn/rank/task_output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>

namespace farm::detail {

std::string with_tags(std::string const& tag, std::string const& text) {
  std::string tagged;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    tagged += fmt::format("{}\t{}\n", tag, text.substr(begin, end - begin));
    begin = end + 1;
  }
  return tagged;
}

TaggedOutput::TaggedOutput(std::filesystem::path directory, int ranks, bool removes)
    : directory_(std::move(directory)), ranks_(ranks), removes_(removes) {}

std::string TaggedOutput::take(Input const& input, RunInfo const& run) const {
  std::string text;
  for (std::uint32_t attempt = 1; attempt <= run.attempts; ++attempt) {
    for (int rank = 0; rank < ranks_; ++rank) {
      auto const path = task_output_path(directory_.string() + '/', run.task, attempt, rank);
      std::ifstream file{path};
      if (!file) continue;  // the rank has not begun the task
      std::string const content{std::istreambuf_iterator<char>{file}, {}};
      text += with_tags(ranks_ == 1 ? input.text : fmt::format("{} [{}]", input.text, rank), content);
      std::error_code error;
      if (removes_) std::filesystem::remove(path, error);
    }
  }
  return text;
}

}  // namespace farm::detail
