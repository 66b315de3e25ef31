// hosts_program SCENARIO [ARGUMENT...]: the program that in_hosts.cpp runs on several hosts.
#include <farm/farm.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace {

std::string host() {
  std::array<char, 256> name{};
  gethostname(name.data(), name.size() - 1);
  return name.data();
}

bool exists(std::string const& file) { return std::filesystem::exists(file); }
void wait_for(std::string const& file) {
  while (!exists(file)) std::this_thread::yield();
}

/// Returns the hosts of its ranks, after waiting until all `count` tasks of this kind run, so that each runs on its own
/// group.
std::vector<std::string> meet(int i, int count, std::string const& directory, farm::Comm const& comm) {
  std::vector<std::array<char, 64>> names(static_cast<std::size_t>(comm.size()));
  std::array<char, 64> name{};
  host().copy(name.data(), name.size() - 1);
  MPI_Allgather(name.data(), 64, MPI_CHAR, names.data(), 64, MPI_CHAR, comm);
  if (comm.rank() == 0) std::ofstream{fmt::format("{}/met-{}", directory, i)} << "";
  for (int other = 0; other < count; ++other) wait_for(fmt::format("{}/met-{}", directory, other));
  std::vector<std::string> hosts;
  for (auto const& each : names) hosts.emplace_back(each.data());
  return hosts;
}

void show(std::vector<std::vector<std::string>> groups) {
  std::sort(groups.begin(), groups.end());
  for (auto const& group : groups) fmt::print("{}\n", fmt::join(group, " "));
}

std::string here() { return std::filesystem::current_path().string(); }

/// Runs three groups of two ranks at once, then one group of five, and gives an array to the latter.
void where() {
  for (int i = 0; i < 3; ++i) std::filesystem::remove(fmt::format("met-{}", i));
  farm::MPISpawnPool pool{{.max_ranks = 6, .ranks_per_task = 2}};
  std::vector<farm::Future<std::vector<std::string>>> groups;
  for (int i = 0; i < 3; ++i) groups.push_back(pool.submit(meet, i, 3, here()));
  show(farm::collect(groups).result());
  show({pool.submit(farm::TaskOptions{.ranks = 5}, meet, 3, 0, here()).result()});
  std::vector<double> numbers(1'000'000, 1.0);
  auto const sum = pool.submit(
      farm::TaskOptions{.ranks = 5},
      [](farm::Slab<double const> const& in, farm::Comm const& comm) {
        double total = std::accumulate(in.begin(), in.end(), 0.0);
        MPI_Allreduce(MPI_IN_PLACE, &total, 1, MPI_DOUBLE, MPI_SUM, comm);
        return total;
      },
      farm::stage(numbers, {numbers.size()}));
  fmt::print("sum {:.0f}\n", sum.result());
}

/// Runs two spawned groups on the hosts that their pools name.
void where_spawned() {
  farm::MPISpawnPool on_b{{.max_ranks = 2, .ranks_per_task = 2, .workers = {.hosts = {"nodeB"}}}};
  farm::MPISpawnPool on_c{{.max_ranks = 2, .ranks_per_task = 2, .workers = {.hosts = {"nodeC"}}}};
  auto const b = on_b.submit(meet, 0, 2, here());
  auto const c = on_c.submit(meet, 1, 2, here());
  show({b.result(), c.result()});
}

/// Kills a rank on another host.
void lose_a_rank(std::string const& name) {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .max_losses = 1, .workers = {.hosts = {name}}}};
  auto const lost = pool.submit([](farm::Comm const& comm) {
    if (comm.rank() == 1) raise(SIGKILL);
    comm.barrier();
  });
  try {
    lost.result();
  } catch (farm::GroupLost const& e) {
    fmt::print("{}\n", e.what());
  }
  fmt::print("then on {}\n", pool.submit(host).result());
}

struct Stuck {
  int attempt = 0;
  std::string host{};
  template <class Archive>
  void serialize(Archive& archive) {
    archive(attempt, host);
  }
};

/// Loses the host `name` by running `command` while a task runs there. The task runs again elsewhere, and tasks on
/// other hosts are not affected. The process of the first attempt ends.
void lose_a_host(std::string const& name, std::string const& command) {
  farm::MPISpawnPool pool{{.max_ranks = 3, .ranks_per_task = 1}};
  auto const task = [](std::string const& bad, std::string const& directory, farm::TaskContext& context) {
    if (host() == bad && context.attempt() == 1) {
      std::ofstream{directory + "/pid.new"} << getpid();
      std::filesystem::rename(directory + "/pid.new", directory + "/pid");
      for (;;) pause();
    }
    if (context.attempt() == 1) wait_for(directory + "/lost");
    return Stuck{static_cast<int>(context.attempt()), host()};
  };
  std::filesystem::remove("pid");
  std::filesystem::remove("lost");
  std::vector<farm::Future<Stuck>> futures;
  for (int i = 0; i < 3; ++i) futures.push_back(pool.submit(task, name, here()));
  wait_for("pid");
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  std::vector<std::string> again;
  while (again.empty()) {  // the task from the lost host is first, since the others wait
    for (auto const& future : farm::wait(futures, farm::ReturnWhen::first_completed).done) {
      if (future.result().attempt > 1) again.push_back(future.result().host);
    }
  }
  std::ofstream{"lost"} << "";
  int first_attempts = 0;
  for (auto const& future : futures) first_attempts += future.result().attempt == 1 ? 1 : 0;
  fmt::print("again {}, {} never noticed\n", again.front() == name ? "there" : "elsewhere", first_attempts);
  pool.map([](int) {}, std::vector<int>(100));
  fmt::print("{} groups lost\n", pool.statistics().groups_lost);
}

/// Loses a host of spawned groups, which cannot go on, by running `command`. Then `undo` brings the host back.
void lose_a_host_spawned(std::string const& command, std::string const& undo) {
  std::filesystem::remove("pid");
  farm::MPISpawnPool pool{{.max_ranks = 1, .ranks_per_task = 1, .workers = {.hosts = {"nodeB"}}}};
  auto const future = pool.submit(
      [](std::string const& directory) {
        std::ofstream{directory + "/pid"} << getpid();
        for (;;) pause();
      },
      here());
  auto const next = pool.submit(host);
  wait_for("pid");
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
  for (auto const& each : {std::string{"first"}, std::string{"next"}}) {
    try {
      each == "first" ? static_cast<void>(future.result()) : static_cast<void>(next.result());
    } catch (std::exception const& e) {
      fmt::print("{}: {}\n", each, e.what());
    }
  }
  std::fflush(stdout);
  if (std::system(undo.c_str()) != 0) throw std::runtime_error(undo);  // mpiexec waits for the host
}

}  // namespace

int main(int argc, char** argv) {
  std::string const scenario = argc > 1 ? argv[1] : "";
  auto const argument = [&](int i) { return argc > i ? std::string{argv[i]} : std::string{}; };
  try {
    farm::Runtime const runtime{argc, argv};
    if (scenario == "where") {
      where();
    } else if (scenario == "where_spawned") {
      where_spawned();
    } else if (scenario == "lose_a_rank") {
      lose_a_rank(argument(2));
    } else if (scenario == "lose_a_host") {
      lose_a_host(argument(2), argument(3));
    } else if (scenario == "lose_a_host_spawned") {
      lose_a_host_spawned(argument(2), argument(3));
    } else {
      return 2;
    }
  } catch (std::exception const& e) {
    fmt::print(stderr, "error: {}\n", e.what());
    return 1;
  }
}
