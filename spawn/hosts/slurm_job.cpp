#include "spawn/hosts/slurm_job.hpp"

#include "core/base/settings.hpp"
#include "spawn/hosts/host_range.hpp"
#include "spawn/hosts/number_in.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

namespace farm::detail {
namespace {

std::string output_of(std::string const& command) {
  std::unique_ptr<FILE, int (*)(FILE*)> const pipe{popen(command.c_str(), "re"), &pclose};
  if (!pipe) return {};
  std::string text;
  char part[4096];
  for (std::size_t count = 0; (count = std::fread(part, 1, sizeof part, pipe.get())) != 0;) text.append(part, count);
  return text;
}

/// The fields NAME=value of `scontrol show job`, in their order: some names stand there once for each host.
using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

Fields fields_in(std::string_view line) {
  Fields fields;
  while (!line.empty()) {
    auto const end = std::min(line.find(' '), line.size());
    auto const word = line.substr(0, end);
    auto const equals = std::min(word.find('='), word.size());
    if (equals < word.size()) fields.emplace_back(word.substr(0, equals), word.substr(equals + 1));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return fields;
}

std::string_view value_of(Fields const& fields, std::string_view name) {
  auto const found = std::find_if(fields.begin(), fields.end(), [&](auto const& each) { return each.first == name; });
  return found != fields.end() ? found->second : std::string_view{};
}

std::string names_of_slurm_variables() {
  std::vector<std::string_view> names;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    std::string_view const line{*entry};
    if (line.starts_with("SLURM_") && !line.starts_with("SLURM_CONF=")) names.push_back(line.substr(0, line.find('=')));
  }
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, " "));
}

bool is_number(std::string const& id) { return !id.empty() && id.find_first_not_of("0123456789") == std::string::npos; }

/// Returns the line in which scontrol describes the job; what scontrol printed instead in `failure`. Throws SpawnError
/// if the job has ended.
std::string description_of(std::string const& id, std::string& failure) {
  if (!is_number(id)) {
    failure = "that is not the number of a job";
    return {};
  }
  // "timeout", since scontrol repeats its question for minutes if Slurm's controller does not answer
  auto const text = output_of(fmt::format("LC_ALL=C timeout 20 scontrol show job -d -o {} 2>&1", id));
  auto const begin = text.find(fmt::format("JobId={} ", id));
  auto line = begin != std::string::npos ? text.substr(begin, text.find('\n', begin) - begin) : std::string{};
  auto const state = std::string{value_of(fields_in(line), "JobState")};
  constexpr std::array over{"COMPLETED", "CANCELLED", "FAILED",        "TIMEOUT",   "NODE_FAIL",
                            "BOOT_FAIL", "DEADLINE",  "OUT_OF_MEMORY", "PREEMPTED", "REVOKED"};
  bool const ended = std::any_of(over.begin(), over.end(), [&](std::string_view each) { return state == each; });
  if (ended || text.find("Invalid job id") != std::string::npos) {
    throw SpawnError(fmt::format(
        "Slurm job {} has ended, but the environment still names it: start the program in a new allocation, or without "
        "Slurm after: unset {}",
        id, names_of_slurm_variables()));
  }
  if (line.empty()) failure = text.empty() ? "it did not answer" : text.substr(0, text.find('\n'));
  return line;
}

/// Parses "gpu:a100:4(IDX:0-3),nvme:1(CNT:1)".
std::vector<SlurmResource> resources_in(std::string_view text) {
  std::string plain;
  int depth = 0;
  for (char const c : text) {
    if (c == '(') ++depth;
    if (depth == 0) plain += c;
    if (c == ')') --depth;
  }
  std::vector<SlurmResource> found;
  for (std::string_view rest{plain}; !rest.empty();) {
    auto const end = std::min(rest.find(','), rest.size());
    auto const entry = rest.substr(0, end);
    auto const colon = entry.rfind(':');
    auto const count = colon != std::string_view::npos ? number_in(entry.substr(colon + 1)) : std::nullopt;
    if (count) found.push_back({std::string{entry.substr(0, colon)}, *count});
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return found;
}

/// Takes from the description what the environment does not tell.
void add_description(SlurmComponent& part, std::string const& description) {
  auto const fields = fields_in(description);
  std::vector<std::string> hosts;
  for (auto const& [name, value] : fields) {
    if (name == "Nodes") hosts = expand_host_ranges(value).value_or(std::vector<std::string>{});
    if (name != "GRES") continue;
    for (auto const& host : hosts) part.resources[host] = resources_in(value);
  }
  if (part.cpus_per_task == 0) {
    auto const count = number_in(value_of(fields, "CPUs/Task")).value_or(1);
    if (count > 1) part.cpus_per_task = count;  // 1 stands there as well if the job does not say
  }
  auto const per_task = value_of(fields, "TresPerTask");
  for (std::string_view const prefix : {"gres:gpu:", "gres/gpu:"}) {
    if (auto const at = per_task.find(prefix); at != std::string_view::npos) {
      auto const rest = per_task.substr(at + prefix.size());
      part.gpus_per_task = std::string{rest.substr(0, rest.find(','))};
    }
  }
}

/// Returns the memory of the job on a host of so many processors; none if the job does not say.
Capacity memory_of_job(std::string const& suffix, int processors) {
  constexpr std::int64_t mebibyte = 1 << 20;
  auto const number = [&](char const* name) {
    return number_in(environment_variable((name + suffix).c_str())).value_or(0);
  };
  Capacity capacity;
  if (int const per_node = number("SLURM_MEM_PER_NODE"); per_node > 0) capacity.memory = per_node * mebibyte;
  if (int const each = number("SLURM_MEM_PER_CPU"); each > 0) capacity.memory = each * mebibyte * processors;
  return capacity;
}

/// Reads the hosts and counts of the job, or of the component whose variables end in `suffix`.
SlurmComponent component_of(int number, std::string const& suffix, bool in_step, std::string const& description) {
  auto const variable = [&](std::string const& name) { return environment_variable((name + suffix).c_str()); };
  SlurmComponent part{.number = number};
  auto const cores_each = environment_variable("SRUN_CPUS_PER_TASK");
  if (auto const own = in_step              ? std::string{}
                       : cores_each.empty() ? variable("SLURM_CPUS_PER_TASK")
                                            : cores_each;
      !own.empty()) {
    part.cpus_per_task = number_in(own).value_or(0);
  }
  add_description(part, description);
  auto const list = variable("SLURM_JOB_NODELIST");
  auto const names = expand_host_ranges(list);
  if (!names) throw SpawnError(fmt::format("SLURM_JOB_NODELIST{}={} cannot be understood", suffix, list));
  // within a step, SLURM_NTASKS is that of the step, which may have one process only
  bool const by_tasks = !in_step && !variable("SLURM_NTASKS").empty() && !variable("SLURM_TASKS_PER_NODE").empty();
  auto const name = (by_tasks ? "SLURM_TASKS_PER_NODE" : "SLURM_JOB_CPUS_PER_NODE") + suffix;
  auto const counts = parse_counts(environment_variable(name.c_str()), name);
  if (counts.size() < names->size())
    throw SpawnError(fmt::format("{}={} has fewer hosts than {}", name, environment_variable(name.c_str()), list));
  auto const divisor = by_tasks ? 1 : std::max(part.cpus_per_task, 1);
  for (std::size_t i = 0; i < names->size(); ++i) {
    int const slots = std::max(counts[i] / divisor, 1);
    auto capacity = memory_of_job(suffix, counts[i]);
    capacity.cores = by_tasks ? slots * std::max(part.cpus_per_task, 1) : counts[i];
    for (auto const& each : part.resources[(*names)[i]])
      if (each.name == "gpu" || each.name.starts_with("gpu:")) capacity.gpus += each.count;
    part.hosts.push_back({(*names)[i], slots, number, std::move(capacity)});
  }
  return part;
}

bool is_heterogeneous() { return !environment_variable("SLURM_JOB_NODELIST_HET_GROUP_0").empty(); }

/// Returns the job's number, or that of its first component.
std::string job_id() {
  auto id = environment_variable("SLURM_JOB_ID");
  if (id.empty()) id = environment_variable("SLURM_JOBID");
  return id;
}

}  // namespace

bool has_slurm_job() { return is_heterogeneous() || !environment_variable("SLURM_JOB_NODELIST").empty(); }

SlurmJob read_slurm_job() {
  SlurmJob job{.id = job_id(), .in_step = !environment_variable("SLURM_STEP_ID").empty()};
  int const size = is_heterogeneous() ? number_in(environment_variable("SLURM_HET_SIZE")).value_or(1) : 0;
  for (int i = 0; i < std::max(size, 1); ++i) {
    auto const suffix = size > 0 ? fmt::format("_HET_GROUP_{}", i) : std::string{};
    auto const own_id = size > 0 ? environment_variable(("SLURM_JOB_ID" + suffix).c_str()) : job.id;
    std::string failure;
    auto const description = description_of(own_id, failure);
    if (!failure.empty()) {
      throw SpawnError(
          fmt::format("scontrol does not describe Slurm job {} ({}): if the job has ended, unset {}; else name the "
                      "hosts with FARM_HOSTS",
                      own_id, failure, names_of_slurm_variables()));
    }
    job.components.push_back(component_of(size > 0 ? i : -1, suffix, job.in_step, description));
  }
  return job;
}

void check_slurm_job_runs() {
  std::string failure;
  if (auto const id = job_id(); is_number(id)) static_cast<void>(description_of(id, failure));
}

std::vector<int> parse_counts(std::string const& text, std::string const& where) {
  std::vector<int> counts;
  auto const bad = [&] { return SpawnError(fmt::format("{}={} cannot be understood", where, text)); };
  std::string_view rest{text};
  for (;;) {
    auto const comma = std::min(rest.find(','), rest.size());
    auto const entry = rest.substr(0, comma);
    auto const open = std::min(entry.find("(x"), entry.size());
    auto const count = number_in(entry.substr(0, open));
    std::optional<int> times = 1;
    if (open < entry.size()) {
      if (!entry.ends_with(')')) throw bad();
      times = number_in(entry.substr(open + 2, entry.size() - open - 3));
    }
    if (!count || !times || *times > 1'000'000) throw bad();
    counts.insert(counts.end(), static_cast<std::size_t>(*times), *count);
    if (comma == rest.size()) return counts;
    rest.remove_prefix(comma + 1);
  }
}

}  // namespace farm::detail
