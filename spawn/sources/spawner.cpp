#include "spawn/sources/spawner.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/platform/mpi_traits.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/platform/pmix.hpp"
#include "spawn/process/closes_on_exec.hpp"
#include "spawn/process/program_arguments.hpp"

#include <farm/launcher_variables.hpp>
#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mpi.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

class Info {
 public:
  Info() { check_mpi(MPI_Info_create(&info_), "MPI_Info_create"); }
  Info(Info const&) = delete;
  Info& operator=(Info const&) = delete;
  ~Info() { MPI_Info_free(&info_); }
  void set(std::string const& key, std::string const& value) const {
    if (value.size() >= MPI_MAX_INFO_VAL) {
      throw SpawnError(fmt::format("the MPI_Info value of {} has {} characters; MPI allows {}", key, value.size(),
                                   MPI_MAX_INFO_VAL - 1));
    }
    check_mpi(MPI_Info_set(info_, key.c_str(), value.c_str()), "MPI_Info_set");
  }
  [[nodiscard]] MPI_Info get() const { return info_; }

 private:
  MPI_Info info_ = MPI_INFO_NULL;
};

using Pairs = std::vector<std::pair<std::string, std::string>>;

/// The longest value of an MPI_Info key that is passed on: MPI allows one more, and Open MPI cuts what is longer.
constexpr std::size_t longest_value = MPI_MAX_INFO_VAL - 2;

/// Returns the environment of the ranks, as far as MPI_Info has room: the farm's own variables always. The ranks find
/// the others in the join file.
std::string environment_lines(Spawner::Request const& request) {
  std::string lines = "FARM_WORKER=spawned";
  if (!request.join_file.empty()) lines += fmt::format("\n{}={}", join_file_variable, request.join_file);
  if (auto const yield = yield_setting(request.peak_ranks); !yield.empty()) lines += "\n" + yield;
  for (auto const& [name, value] : request.options.environment) {
    auto const line = fmt::format("\n{}={}", name, value);
    if (lines.size() + line.size() <= longest_value) lines += line;
  }
  return lines;
}

/// Returns the directory in which the launcher starts the ranks; empty: the master's. The ranks change to theirs
/// themselves: mpiexec would start them elsewhere if it does not exist. This is for ranks on other hosts that cannot
/// read the join file before main.
std::string usable_directory(Spawner::Request const& request) {
  auto const& directory = request.join_info.working_directory;
  if (directory.empty()) return {};
  std::error_code ignored;
  return directory.size() <= longest_value && std::filesystem::is_directory(directory, ignored) ? directory : "/";
}

/// Names the hosts by a list or, if the list is too long for MPI_Info, by a file.
void set_hosts(Info const& info, Spawner::Request const& request) {
  auto const& hosts = request.options.hosts;
  if (hosts.empty()) return;
  auto const list = fmt::format("{}", fmt::join(hosts, ","));
  if (list.size() <= longest_value) return info.set("host", list);
  std::ofstream{request.host_file} << fmt::format("{}\n", fmt::join(hosts, "\n"));
  info.set("hostfile", request.host_file);
}

/// Returns the arguments of this program, which the ranks are given, too, and a null pointer after them.
std::vector<char*> pointers_to(std::vector<std::string>& arguments) {
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (auto& each : arguments) pointers.push_back(each.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Returns the keys and values for the MPI_Info, those of the options first.
Pairs info_of(Spawner::Request const& request) {
  auto pairs = request.options.mpi_info;
  for (auto& pair : spawn_info()) {
    bool const is_chosen =
        std::any_of(pairs.begin(), pairs.end(), [&](auto const& each) { return each.first == pair.first; });
    if (!is_chosen) pairs.push_back(std::move(pair));
  }
  return pairs;
}

/// Returns the environment of the ranks. Their daemon's environment is that of the launcher, so what this program has
/// set for MPI is passed on; MPI_Comm_spawn does the same.
std::vector<std::string> whole_environment(Spawner::Request const& request) {
  std::vector<std::string> lines{"FARM_WORKER=launched"};  // the ranks join as launched ones do
  lines.push_back(fmt::format("{}={}", join_file_variable,
                              request.join_file.empty() || request.may_use_other_hosts
                                  ? join_info_text(request.join_info)
                                  : request.join_file));
  if (auto const yield = yield_setting(request.peak_ranks); !yield.empty()) lines.push_back(yield);
  for (auto const& line : launcher_environment()) {
    if (line.starts_with("OMPI_") || line.starts_with("UCX_")) lines.push_back(line);
  }
  for (auto const& [name, value] : request.options.environment) lines.push_back(fmt::format("{}={}", name, value));
  return lines;
}

/// Starts the group by PMIx_Spawn. MPI does not know of it, so no message passes between the master's MPI and the
/// ranks', and nothing waits for a rank that dies meanwhile.
void spawn_by_pmix(Spawner::Request const& request, Pairs info) {
  auto const& hosts = request.options.hosts;
  if (!hosts.empty()) info.emplace_back("host", fmt::format("{}", fmt::join(hosts, ",")));
  ClosesOnExec const closes_on_exec;
  pmix_spawn({.program = program_to_spawn(),
              .arguments = program_arguments(),
              .environment = whole_environment(request),
              .directory = usable_directory(request),
              .processes = request.ranks,
              .info = std::move(info)});
}

void spawn_by_mpi(Spawner::Request const& request, Pairs const& pairs) {
  std::string const program = program_to_spawn();
  Info const info;
  if (std::none_of(pairs.begin(), pairs.end(), [](auto const& pair) { return pair.first == "env"; }))
    info.set(std::string{mpi_traits().environment_key}, environment_lines(request));
  for (auto const& [key, value] : pairs) info.set(key, value);
  set_hosts(info, request);
  if (auto const directory = usable_directory(request); !directory.empty()) info.set("wdir", directory);
  auto arguments = program_arguments();
  auto pointers = pointers_to(arguments);

  ClosesOnExec const closes_on_exec;
  MPI_Comm children = MPI_COMM_NULL;
  std::vector<int> codes(static_cast<std::size_t>(request.ranks), MPI_SUCCESS);
  check_mpi(MPI_Comm_spawn(program.c_str(), pointers.data(), request.ranks, info.get(), 0, MPI_COMM_SELF, &children,
                           codes.data()),
            "MPI_Comm_spawn");
  check_mpi(MPI_Comm_set_errhandler(children, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
  send_join_info(request.join_info, children, MPI_ROOT);
  check_mpi(MPI_Comm_disconnect(&children), "MPI_Comm_disconnect");  // from now on MPI knows nothing of the group
}

void spawn(Spawner::Request const& request) {
  auto info = info_of(request);
  bool const by_mpi = !can_pmix_spawn(info);
  request.begun(by_mpi);
  if (by_mpi) {
    spawn_by_mpi(request, info);
  } else {
    spawn_by_pmix(request, std::move(info));
  }
}

}  // namespace

Spawner::Spawner() : thread_([this] { run(); }) {}

Spawner::~Spawner() {
  {
    std::scoped_lock const lock{mutex_};
    stop_ = true;
    requests_.clear();
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Spawner::request(Request request) {
  {
    std::scoped_lock const lock{mutex_};
    requests_.push_back(std::move(request));
  }
  changed_.notify_one();
}

bool Spawner::withdraw(std::uint64_t group) {
  std::scoped_lock const lock{mutex_};
  return std::erase_if(requests_, [&](Request const& request) { return request.join_info.group == group; }) != 0;
}

void Spawner::abandon() {
  std::scoped_lock const lock{mutex_};
  requests_.clear();
  if (!abandoned_) thread_.detach();
  abandoned_ = true;
}

void Spawner::run() {
  for (;;) {
    Request request;
    {
      std::unique_lock lock{mutex_};
      changed_.wait(lock, [&] { return stop_ || !requests_.empty(); });
      if (stop_) return;
      request = std::move(requests_.front());
      requests_.pop_front();
    }
    std::string why;
    try {
      spawn(request);
    } catch (std::exception const& e) {
      why = text_of(e);
      if (why.empty()) why = "the group could not be spawned";
    }
    request.ended(why);
  }
}

}  // namespace farm::detail
