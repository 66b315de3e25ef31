#include "core/resources/request.hpp"

#include "core/resources/memory_text.hpp"

#include <fmt/format.h>

#include <mutex>
#include <set>

namespace farm::detail {
namespace {

std::string counted(std::int64_t number, char const* thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

}  // namespace

Request without_named(Request request) {
  request.named.clear();
  return request;
}

Request const* keep_request(Request const& request) {
  if (request.is_plain()) return nullptr;
  static std::mutex mutex;
  static auto* const kept = new std::set<Request>;  // tasks may outlive the static objects
  std::scoped_lock const lock{mutex};
  return &*kept->insert(request).first;
}

std::string to_text(Request const& request) {
  std::vector<std::string> of_rank;
  if (request.threads > 0) of_rank.push_back(counted(request.threads, "thread"));
  if (request.gpus > 0) of_rank.push_back(counted(request.gpus, "gpu"));
  if (request.memory > 0) of_rank.push_back(memory_text(request.memory));
  auto text = counted(request.ranks, "rank");
  for (std::size_t i = 0; i < of_rank.size(); ++i)
    text += (i == 0 ? " with " : i + 1 == of_rank.size() ? " and " : ", ") + of_rank[i];
  if (!of_rank.empty() && request.ranks > 1) text += " each";
  for (auto const& each : request.named) text += fmt::format(", {}={}", each.name, each.amount);
  return text;
}

}  // namespace farm::detail
