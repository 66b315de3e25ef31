#include "spawn/sources/spawner.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/environment/worker_environment.hpp"
#include "spawn/join/join_broadcast.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/process/closes_on_exec.hpp"
#include "spawn/process/program_arguments.hpp"

#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mpi.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
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

void spawn(Spawner::Request const& request) {
  std::string const program = program_to_spawn();
  Info const info;
  auto const& options = request.options;
  auto const is_chosen = [&](std::string const& key) {
    return std::any_of(options.mpi_info.begin(), options.mpi_info.end(),
                       [&](auto const& pair) { return pair.first == key; });
  };
  for (auto const& [key, value] : spawn_info(environment_lines(request))) {
    if (!is_chosen(key)) info.set(key, value);
  }
  for (auto const& [key, value] : options.mpi_info) info.set(key, value);
  set_hosts(info, request);
  // The ranks change to their working directory themselves: mpiexec would start them elsewhere if it does not exist.
  // This is for ranks on other hosts that cannot read the join file before main.
  auto const& directory = request.join_info.working_directory;
  std::error_code ignored;
  bool const is_usable = directory.size() <= longest_value && std::filesystem::is_directory(directory, ignored);
  if (!directory.empty()) info.set("wdir", is_usable ? directory : "/");
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
    request.begun();
    std::string why;
    try {
      spawn(request);
    } catch (std::exception const& e) {
      why = text_of(e);
      if (why.empty()) why = "MPI_Comm_spawn failed";
    }
    request.ended(why);
  }
}

}  // namespace farm::detail
