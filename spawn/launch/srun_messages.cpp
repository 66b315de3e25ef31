#include "spawn/launch/srun_messages.hpp"

#include "core/base/settings.hpp"
#include "spawn/platform/mpi_traits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace farm::detail {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::optional<QueueNews> news_in(std::string_view line) {
  constexpr std::string_view begin = "srun: job ";
  auto const at = line.find(begin);
  if (at == std::string_view::npos) return std::nullopt;
  auto const rest = line.substr(at + begin.size());
  auto const digits = static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin());
  auto const what = rest.substr(digits);
  bool const waits = what.starts_with(" queued and waiting for resources");
  if (digits == 0 || (!waits && !what.starts_with(" has been allocated resources"))) return std::nullopt;
  return QueueNews{.waits = waits, .job = std::string{rest.substr(0, digits)}};
}

}  // namespace

std::optional<QueueNews> queue_news(std::string_view lines) {
  std::optional<QueueNews> last;
  while (!lines.empty()) {
    auto const end = std::min(lines.find('\n'), lines.size());
    if (auto news = news_in(lines.substr(0, end))) last = std::move(news);
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return last;
}

bool waits_for_ever(std::string_view reason) {
  constexpr std::array permanent{"PartitionConfig",  "PartitionNodeLimit", "PartitionTimeLimit",
                                 "BadConstraints",   "AccountNotAllowed",  "InvalidAccount",
                                 "InvalidQOS",       "QOSNotAllowed",      "DeadLine",
                                 "AccountingPolicy", "QOSUsageThreshold",  "DependencyNeverSatisfied"};
  // such as AssocMaxCpuPerJobLimit: this job alone is above the limit
  return reason.ends_with("PerJobLimit") ||
         std::any_of(permanent.begin(), permanent.end(), [&](std::string_view each) { return reason == each; });
}

std::string plain_errors(std::string_view srun_output) {
  for (std::string_view const text : {"mpi/pmi", "Invalid MPI type"}) {
    if (srun_output.find(text) == std::string_view::npos) continue;
    return fmt::format(
        "this Slurm has no plugin for {} (srun --mpi=list): install the plugin, or use another launcher, "
        "such as {}=mpiexec",
        uses_mpich() ? "PMI-2" : "PMIx", setting_name(Setting::launcher));
  }
  constexpr std::string_view mark = "srun: ";
  std::string text;
  for (auto at = srun_output.find(mark); at != std::string_view::npos;) {
    auto const next = srun_output.find(mark, at + mark.size());
    auto const line = srun_output.substr(at, next == std::string_view::npos ? next : next - at);
    at = next;
    if (news_in(line)) continue;
    auto message = line.substr(mark.size());
    if (message.starts_with("error: ")) message.remove_prefix(7);
    message = message.substr(0, message.find_last_not_of(" \n") + 1);
    if (text.find(message) == std::string::npos) text += fmt::format("{}{}", text.empty() ? "" : "; ", message);
  }
  return text.empty() ? std::string{srun_output} : text;
}

}  // namespace farm::detail
