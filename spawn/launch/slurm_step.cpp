#include "spawn/launch/slurm_step.hpp"

#include "core/base/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace farm::detail {
namespace {

/// Returns the part of the job that the share lies in; null if there is none.
SlurmComponent const* component_of(HostList const& list, Share const& share) {
  if (!list.job) return nullptr;
  for (auto const& part : list.job->components) {
    bool const has_host = std::any_of(part.hosts.begin(), part.hosts.end(),
                                      [&](HostSlots const& each) { return each.name == share.host; });
    if (part.number == share.component && has_host) return &part;
  }
  return nullptr;
}

int slots_of(HostList const& list, Share const& share) {
  for (auto const& each : list.hosts) {
    if (each.name == share.host && each.component == share.component) return each.slots;
  }
  return 1;
}

int count_on(SlurmComponent const& part, std::string const& host, std::string const& resource) {
  auto const found = part.resources.find(host);
  if (found == part.resources.end()) return 0;
  int sum = 0;
  for (auto const& each : found->second) sum += each.name == resource ? each.count : 0;
  return sum;
}

/// How a step asks for one kind of resource.
struct ResourceRequest {
  std::string name;
  int on_each_host = 0;  ///< 0: the group's share is less than one
  int for_each_rank = 0;
  int all = 0;  ///< on the host that has least
};

ResourceRequest request_for(HostList const& list, SlurmComponent const& part, Placement const& placement,
                            std::string const& name) {
  std::optional<int> least;
  std::optional<int> all;
  std::optional<int> per_rank;
  bool same_share = true;
  bool same_ranks = true;
  for (auto const& share : placement) {
    int const count = count_on(part, share.host, name);
    int const slots = std::max(slots_of(list, share), 1);
    int const own = count * share.ranks / slots;
    least = std::min(least.value_or(own), own);
    all = std::min(all.value_or(count), count);
    same_share = same_share && count % slots == 0 && per_rank.value_or(count / slots) == count / slots;
    same_ranks = same_ranks && share.ranks == placement.front().ranks;
    per_rank = count / slots;
  }
  bool const by_rank = same_share && !same_ranks && *per_rank > 0;
  return {.name = name, .on_each_host = *least, .for_each_rank = by_rank ? *per_rank : 0, .all = *all};
}

std::vector<ResourceRequest> requests_for(HostList const& list, SlurmComponent const& part,
                                          Placement const& placement) {
  std::vector<ResourceRequest> requests;
  auto const found = part.resources.find(placement.front().host);
  if (found == part.resources.end()) return requests;
  for (auto const& each : found->second) {
    bool const is_new = std::none_of(requests.begin(), requests.end(),
                                     [&](ResourceRequest const& known) { return known.name == each.name; });
    if (is_new) requests.push_back(request_for(list, part, placement, each.name));
  }
  return requests;
}

/// Adds --gres, and --gpus-per-task if ranks rather than hosts have equal shares.
void add_resources(std::vector<std::string>& options, std::vector<ResourceRequest> const& requests, bool all,
                   std::string const& gpus_per_task) {
  std::string gres;
  std::string per_task;
  for (auto const& request : requests) {
    bool const is_gpu = request.name == "gpu" || request.name.starts_with("gpu:");
    if (!all && is_gpu && !gpus_per_task.empty()) {
      per_task = gpus_per_task;
    } else if (!all && is_gpu && request.for_each_rank > 0) {
      auto const type = request.name.size() > 4 ? request.name.substr(4) + ":" : std::string{};
      per_task += fmt::format("{}{}{}", per_task.empty() ? "" : ",", type, request.for_each_rank);
    } else if (int const count = all ? request.all : request.on_each_host; count > 0) {
      gres += fmt::format("{}{}:{}", gres.empty() ? "" : ",", request.name, count);
    }
  }
  if (!gres.empty()) options.push_back("--gres=" + gres);
  if (!per_task.empty()) options.push_back("--gpus-per-task=" + per_task);
}

}  // namespace

std::vector<std::string> step_options(HostList const& list, Placement const& placement, Request const& request) {
  std::vector<std::string> options;
  auto const* const part = component_of(list, placement.front());
  if (part != nullptr && part->number >= 0) options.push_back(fmt::format("--het-group={}", part->number));
  bool const is_plain = request.is_plain();
  auto const requests = part != nullptr ? requests_for(list, *part, placement) : std::vector<ResourceRequest>{};
  bool const too_few = is_plain && std::any_of(requests.begin(), requests.end(),
                                               [](ResourceRequest const& each) { return each.on_each_host == 0; });
  if (too_few || is_in_slurm_step()) {
    // with --exact, Slurm 22.05 would give all overlapping steps the same cores, the first ones
    options.insert(options.end(), {"--overlap", "--cpu-bind=none"});
    if (is_plain || request.gpus > 0) add_resources(options, requests, true, {});
    return options;
  }
  options.emplace_back("--exact");
  int const cores = request.threads > 0 ? request.threads : part != nullptr ? part->cpus_per_task : 0;
  if (cores > 0) options.push_back(fmt::format("--cpus-per-task={}", cores));
  if (part == nullptr) return options;
  if (is_plain) {
    add_resources(options, requests, false, part->gpus_per_task);
  } else if (request.gpus > 0 && has_slurm_gpus(list)) {
    options.push_back(fmt::format("--gpus-per-task={}", request.gpus));
  }
  return options;
}

bool is_in_slurm_step() { return !environment_variable("SLURM_STEP_ID").empty(); }

bool has_slurm_gpus(HostList const& list) {
  if (!list.job) return false;
  for (auto const& part : list.job->components) {
    for (auto const& [host, resources] : part.resources) {
      for (auto const& each : resources) {
        if (each.name == "gpu" || each.name.starts_with("gpu:")) return true;
      }
    }
  }
  return false;
}

// Slurm 24.11 refuses --nodes together with --distribution=arbitrary. One host needs it: without --nodes a step has all
// nodes of its job.
std::vector<std::string> host_options(Placement const& placement) {
  if (placement.size() == 1) return {"--nodes=1", "--nodelist=" + placement.front().host, "--distribution=block"};
  std::string hosts;
  for (auto const& share : placement) {
    for (int i = 0; i < share.ranks; ++i) hosts += (hosts.empty() ? "" : ",") + share.host;
  }
  return {"--nodelist=" + hosts, "--distribution=arbitrary"};
}

std::vector<std::string> job_options(Placement const& placement, bool on_hosts, std::string const& name) {
  auto options = on_hosts ? host_options(placement) : std::vector<std::string>{};
  if (environment_variable("SLURM_JOB_NAME").empty()) options.push_back("--job-name=" + name);
  return options;
}

void remove_job_requests(std::vector<std::string>& environment) {
  constexpr std::array of_job{
      "SLURM_GPUS",           "SLURM_GPUS_PER_NODE", "SLURM_GPUS_PER_TASK",   "SLURM_GPUS_PER_SOCKET",
      "SLURM_NTASKS_PER_GPU", "SLURM_CPUS_PER_GPU",  "SLURM_MEM_PER_GPU",     "SLURM_GRES",
      "SLURM_STEP_GRES",      "SLURM_TRES_PER_TASK", "SLURM_NTASKS_PER_NODE", "SLURM_NTASKS_PER_SOCKET",
      "SRUN_CPUS_PER_TASK"};
  bool const in_step = is_in_slurm_step();
  std::erase_if(environment, [&](std::string_view line) {
    auto const name = line.substr(0, line.find('='));
    if (in_step && (name.starts_with("SLURM_CPU_BIND") || name.starts_with("SLURM_MEM_BIND"))) return true;
    return std::any_of(of_job.begin(), of_job.end(), [&](std::string_view each) { return name == each; });
  });
}

}  // namespace farm::detail
