#include "spawn/program/service/result_lines.hpp"

#include "spawn/program/output.hpp"
#include "spawn/program/results/result_record.hpp"
#include "spawn/program/service/shown_text.hpp"

#include <farm/detail/text_value.hpp>

#include <fmt/format.h>

namespace farm::detail {

std::string failure_text(std::uint64_t job, ResultReply const& result) {
  auto const& error = *result.error;
  auto text = fmt::format("task {}.{}", job, result.index);
  if (error.rank) text += fmt::format(", rank {}", *error.rank);
  if (!error.host.empty()) text += fmt::format(" on {}", one_line(error.host));
  constexpr std::size_t longest_input = 100;
  return fmt::format("{} (input {}): {}{}{}", text, one_line(to_text(read_text(result.input)), longest_input),
                     one_line(error.type), error.type.empty() ? "" : ": ", one_line(error.text));
}

void print_results(Requests& requests, std::uint64_t job, bool json) {
  requests.for_each_result(job, 0, [&](ResultReply&& result) {
    if (json) {
      print_out(result.json + '\n');
    } else if (result.error) {
      complain(failure_text(job, result));
    } else {
      print_out(result_text(read_text(result.result)) + '\n');
    }
    return true;
  });
}

}  // namespace farm::detail
