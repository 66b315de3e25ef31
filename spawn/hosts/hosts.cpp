#include "spawn/hosts/hosts.hpp"

#include "core/base/host_name.hpp"
#include "core/base/settings.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/hosts/host_lists.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/process/program_arguments.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>

namespace farm::detail {
namespace {

bool is_address(std::string const& name) { return name.find_first_not_of("0123456789.") == std::string::npos; }

/// Returns true if the two may be names of one host: they are equal, or one is the short name of the other. Names in
/// different domains are different hosts.
bool may_be_same_host(std::string const& a, std::string const& b) {
  if (a == b) return true;
  auto const& shorter = a.size() < b.size() ? a : b;
  auto const& longer = a.size() < b.size() ? b : a;
  return longer.size() > shorter.size() && longer.compare(0, shorter.size(), shorter) == 0 &&
         longer[shorter.size()] == '.' && shorter.find('.') == std::string::npos && !is_address(longer);
}

/// Returns true if the name has an address of this host, or has none at all.
bool resolves_to_this_host(std::string const& name) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(name.c_str(), nullptr, &hints, &found) != 0) return true;
  std::unique_ptr<addrinfo, void (*)(addrinfo*)> const addresses{found, &freeaddrinfo};
  ifaddrs* own = nullptr;
  if (getifaddrs(&own) != 0) return true;
  std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> const interfaces{own, &freeifaddrs};
  auto const number = [](sockaddr const* address) {
    sockaddr_in in{};
    std::memcpy(&in, address, sizeof in);
    return ntohl(in.sin_addr.s_addr);
  };
  for (auto const* each = found; each != nullptr; each = each->ai_next) {
    auto const address = number(each->ai_addr);
    if (address >> 24U == 127) return true;
    for (auto const* one = own; one != nullptr; one = one->ifa_next) {
      if (one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET && number(one->ifa_addr) == address)
        return true;
    }
  }
  return false;
}

/// Adds the Slurm job to a list of hosts that the user has named: srun launches the groups there, too.
void add_slurm_job(HostList& list) {
  try {
    list.job = read_slurm_job();
  } catch (SpawnError const&) {
    check_slurm_job_runs();  // any other failure costs the steps their shares of cores and GPUs only
    return;
  }
  for (auto& host : list.hosts) {
    for (auto const& part : list.job->components) {
      bool const here = std::any_of(part.hosts.begin(), part.hosts.end(),
                                    [&](HostSlots const& each) { return each.name == host.name; });
      if (here) host.component = part.number;
    }
  }
}

bool is_among(std::string const& name, std::vector<std::string> const& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

struct MpiexecOption {
  std::string name;
  std::string value;
};

/// Hydra splits lists of hosts where they stand, so that a:5,b shows as three words. Returns the list that begins with
/// the word at `i`, up to an option or a program.
std::string joined_list(std::vector<std::string> const& words, std::size_t i) {
  auto text = words[i];
  auto const is_of_list = [](std::string const& word) {
    return !word.starts_with('-') && word.find('/') == std::string::npos && file_in_path(word).empty();
  };
  while (++i < words.size() && is_of_list(words[i])) {
    text += (words[i].find_first_not_of("0123456789") == std::string::npos ? ':' : ',') + words[i];
  }
  return text;
}

/// Returns the options of the mpiexec that has started this process, each with the word after it, or with its list of
/// hosts. The words after the program's name are its own.
std::vector<MpiexecOption> options_of_mpiexec() {
  std::vector<MpiexecOption> options;
  auto words = launcher_command_line();
  auto const own = command_line();
  if (!own.empty()) words.erase(std::find(words.begin(), words.end(), own.front()), words.end());
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    auto const name = words[i].find_first_not_of('-');
    if (name != 1 && name != 2) continue;
    auto const option = words[i].substr(name);
    bool const is_list = launched_as().by_hydra && is_among(option, {"host", "hosts"});
    options.push_back({option, is_list ? joined_list(words, i + 1) : words[i + 1]});
  }
  return options;
}

/// Returns the hosts that the options of MPICH's mpiexec name, without the master's slot; none if they name none. Hydra
/// counts no slots: the number after a host says how many ranks it starts there before it goes on to the next host.
std::optional<HostList> hosts_of_hydra() {
  if (!launched_as().by_hydra) return std::nullopt;
  HostList list;
  for (auto const& [name, value] : options_of_mpiexec()) {
    bool const is_list = is_among(name, {"host", "hosts"});
    bool const is_file = is_among(name, {"f", "hostfile", "machinefile"});
    bool const is_size = name == "usize" && std::atoi(value.c_str()) > 0;
    if (is_list) list.hosts = parse_hosts(value, "mpiexec -hosts");
    if (is_file) list.hosts = read_hostfile(value);
    if (is_size) list.hosts = {{"localhost", std::atoi(value.c_str())}};
    if (is_list || is_file || is_size) list.origin = fmt::format("mpiexec -{} {}", name, value);
  }
  if (list.hosts.empty()) return std::nullopt;
  --list.hosts.front().slots;
  list.remedy = fmt::format("give more with mpiexec -n 1 -hosts {}:17", host_name());
  return list;
}

/// Fills in what ranks can have on each host besides slots. Of other hosts only the slots are known, of which each is a
/// core.
void add_capacities(HostList& list) {
  for (auto& host : list.hosts) {
    bool const is_of_job = host.capacity.cores.has_value();
    if (!is_of_job && is_this_host(host.name)) {
      host.capacity = capacity_of_this_host();
    } else {
      if (!is_of_job) host.capacity.cores = host.slots;
      host.capacity = with_told(std::move(host.capacity));
    }
  }
}

HostList list_hosts();

}  // namespace

HostList find_hosts() {
  auto list = list_hosts();
  add_capacities(list);
  return list;
}

std::string to_text(Placement const& placement) {
  std::string text;
  for (auto const& share : placement) text += fmt::format("{}{}:{}", text.empty() ? "" : ", ", share.host, share.ranks);
  return text;
}

namespace {

HostList list_hosts() {
  HostList list;
  auto const add_hosts = [&](std::vector<HostSlots> hosts, std::string origin, std::string remedy) {
    list.hosts = std::move(hosts);
    list.origin = std::move(origin);
    list.remedy = std::move(remedy);
  };
  if (auto const text = setting(Setting::hosts); !text.empty()) {
    auto const name = setting_name(Setting::hosts);
    add_hosts(parse_hosts(text, name), name, "add slots in " + name);
  } else if (auto const path = setting(Setting::hostfile); !path.empty()) {
    add_hosts(read_hostfile(path), fmt::format("the hostfile {}", path), fmt::format("add slots in {}", path));
  } else if (has_slurm_job()) {
    list.job = read_slurm_job();
    add_hosts({}, fmt::format("Slurm job {}", list.job->id), "ask Slurm for more with -n");
    for (auto const& part : list.job->components)
      list.hosts.insert(list.hosts.end(), part.hosts.begin(), part.hosts.end());
    return list;
  } else if (auto named = hosts_of_hydra()) {
    return *named;
  } else {
    add_hosts({{"localhost", 1}}, "this host, since nothing names others", {});
    list.limited = false;
    return list;
  }
  if (has_slurm_job() && !is_set(Setting::launcher)) add_slurm_job(list);
  return list;
}

}  // namespace

bool is_this_host(std::string const& name) {
  auto const own = host_name();
  if (name == "localhost" || name.starts_with("127.") || name == own) return true;
  if (!may_be_same_host(name, own)) return false;
  static std::map<std::string, bool> known;
  static std::mutex mutex;
  std::scoped_lock const lock{mutex};
  auto const [entry, is_new] = known.try_emplace(name);
  if (is_new) entry->second = resolves_to_this_host(name);
  return entry->second;
}

std::string find_host(Placement const& placement, std::string const& host) {
  std::string found;
  for (auto const& share : placement) {
    if (share.host == host) return host;
    if (!may_be_same_host(share.host, host)) continue;
    if (!found.empty()) return {};
    found = share.host;
  }
  return found;
}

bool have_same_short_name(std::vector<HostSlots> const& hosts) {
  std::set<std::string> names;
  return std::any_of(hosts.begin(), hosts.end(), [&](HostSlots const& host) {
    return !is_address(host.name) && !names.insert(host.name.substr(0, host.name.find('.'))).second;
  });
}

bool is_name_of(std::string const& name, std::string const& host) {
  return may_be_same_host(name, host) || (is_this_host(name) && is_this_host(host));
}

std::vector<std::string> hosts_of_mpiexec() {
  std::vector<std::string> names;
  for (auto const& [option, value] : options_of_mpiexec()) {
    std::vector<HostSlots> hosts;
    if (is_among(option, {"H", "host"})) hosts = parse_hosts(value, "-" + option);
    if (is_among(option, {"hostfile", "machinefile"})) hosts = read_hostfile(value);
    for (auto& host : hosts) names.push_back(std::move(host.name));
  }
  return names;
}

bool job_may_have_other_hosts() {
  auto const& job = launched_as();
  if (job.hosts > 0) return job.hosts > 1;
  if (job.size > 1 && job.local_size > 0) return job.local_size < job.size;
  if (!job.by_mpiexec) return false;
  // Neither variables nor PMIx tell a job of one rank which hosts mpiexec of Open MPI 5 may use.
  auto const names = hosts_of_mpiexec();
  return names.empty() || !std::all_of(names.begin(), names.end(), is_this_host);
}

SlotMap::SlotMap(HostList list) : list_(std::move(list)) {
  constexpr int unlimited = std::numeric_limits<int>::max();
  for (auto const& host : list_.hosts) {
    int const slots = list_.limited ? host.slots : unlimited;
    entries_.push_back(
        {.name = host.name, .slots = slots, .component = host.component, .budget = Budget{slots, host.capacity}});
  }
}

std::vector<SlotMap::Entry*> SlotMap::usable(std::vector<std::string> const& only) {
  std::vector<Entry*> found;
  for (auto& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) found.push_back(&entry);
  }
  return found;
}

int SlotMap::total(std::vector<std::string> const& only) const {
  int sum = 0;
  for (auto const& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) sum += entry.slots;
  }
  return sum;
}

int SlotMap::largest_group(std::vector<std::string> const& only) const {
  std::map<int, int> sums;
  for (auto const& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only))) sums[entry.component] += entry.slots;
  }
  int largest = 0;
  for (auto const& [component, sum] : sums) largest = std::max(largest, sum);
  return largest;
}

int SlotMap::Entry::room(Request const& request, Usage const& used) const {
  Request part = request;
  part.named.clear();  // they belong to the run, not to a host
  for (part.ranks = request.ranks; part.ranks > 0; --part.ranks) {
    if (budget.fits(part, used)) break;
  }
  return part.ranks;
}

std::optional<int> SlotMap::component_with_room(Request const& request, std::vector<std::string> const& only,
                                                bool if_empty) const {
  std::map<int, int> room;
  for (auto const& entry : entries_) {
    if (!entry.lost && (only.empty() || is_among(entry.name, only)))
      room[entry.component] += entry.room(request, if_empty ? Usage{} : entry.usage);
  }
  for (auto const& [component, count] : room) {
    if (count >= request.ranks) return component;
  }
  return std::nullopt;
}

bool SlotMap::has_room(Request const& request, std::vector<std::string> const& only) const {
  return component_with_room(request, only).has_value();
}

bool SlotMap::could_have_room(Request const& request, std::vector<std::string> const& only) const {
  return component_with_room(request, only, true).has_value();
}

Placement SlotMap::take(Request const& request, std::vector<std::string> const& only) {
  auto found = usable(only);
  auto const free = [&](Entry const* entry) { return entry->slots - static_cast<int>(entry->usage.ranks()); };
  std::stable_sort(found.begin(), found.end(), [&](auto const* a, auto const* b) { return free(a) < free(b); });
  Placement placement;
  auto const put = [&](Entry& entry, int count) {
    Request part = request;
    part.ranks = count;
    part.named.clear();
    entry.usage.add(part);
    placement.push_back({entry.name, count, entry.component});
  };
  for (auto* const entry : found) {
    if (entry->room(request, entry->usage) < request.ranks) continue;
    put(*entry, request.ranks);
    return placement;
  }
  auto const component = component_with_room(request, only);
  std::erase_if(found, [&](Entry const* entry) { return entry->component != component; });
  int ranks = request.ranks;
  for (auto it = found.rbegin(); it != found.rend() && ranks > 0; ++it) {
    int const count = std::min((*it)->room(request, (*it)->usage), ranks);
    if (count <= 0) continue;
    put(**it, count);
    ranks -= count;
  }
  return placement;
}

void SlotMap::give_back(Placement const& placement, Request const& request) {
  Request part = request;
  part.named.clear();
  for (auto const& share : placement) {
    part.ranks = share.ranks;
    for (auto& entry : entries_) {
      if (entry.name == share.host && entry.component == share.component) entry.usage.subtract(part);
    }
  }
}

bool SlotMap::lose(std::string const& host) {
  bool is_new = false;
  for (auto& entry : entries_) {
    if (entry.name == host && !std::exchange(entry.lost, true)) is_new = true;
  }
  return is_new;
}

std::vector<std::string> SlotMap::lost() const {
  std::vector<std::string> names;
  for (auto const& entry : entries_) {
    if (entry.lost && !is_among(entry.name, names)) names.push_back(entry.name);
  }
  return names;
}

bool SlotMap::knows(std::string const& host) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](Entry const& each) { return each.name == host; });
}

}  // namespace farm::detail
