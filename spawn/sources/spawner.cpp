#include "spawn/sources/spawner.hpp"

#include "spawn/join/join_broadcast.hpp"
#include "spawn/platform/platform.hpp"

#include <farm/mpi_error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <mpi.h>

#include <algorithm>
#include <filesystem>
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

std::string environment_lines(WorkerOptions const& options, int peak_ranks, std::string const& join_file) {
  std::string lines = "FARM_WORKER=spawned";
  if (auto const yield = yield_setting(peak_ranks); !yield.empty()) lines += "\n" + yield;
  for (auto const& [name, value] : options.environment) lines += fmt::format("\n{}={}", name, value);
  if (auto const line = "\nFARM_BIRTH=" + join_file;
      !join_file.empty() && lines.size() + line.size() < MPI_MAX_INFO_VAL)
    lines += line;
  return lines;
}

void spawn(Spawner::Request const& request) {
  std::string const program = program_to_spawn();
  Info const info;
  auto const& options = request.options;
  auto const is_chosen = [&](std::string const& key) {
    return std::any_of(options.mpi_info.begin(), options.mpi_info.end(),
                       [&](auto const& pair) { return pair.first == key; });
  };
  for (auto const& [key, value] : spawn_info(environment_lines(options, request.peak_ranks, request.join_file))) {
    if (!is_chosen(key)) info.set(key, value);
  }
  for (auto const& [key, value] : options.mpi_info) info.set(key, value);
  if (!options.hosts.empty()) info.set("host", fmt::format("{}", fmt::join(options.hosts, ",")));
  if (!options.working_directory.empty()) {
    info.set("wdir", options.working_directory);
  } else if (!is_chosen("wdir")) {
    info.set("wdir", std::filesystem::current_path().string());
  }

  MPI_Comm children = MPI_COMM_NULL;
  std::vector<int> codes(static_cast<std::size_t>(request.ranks), MPI_SUCCESS);
  check_mpi(MPI_Comm_spawn(program.c_str(), MPI_ARGV_NULL, request.ranks, info.get(), 0, MPI_COMM_SELF, &children,
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
      why = e.what();
      if (why.empty()) why = "MPI_Comm_spawn failed";
    }
    request.ended(why);
  }
}

}  // namespace farm::detail
