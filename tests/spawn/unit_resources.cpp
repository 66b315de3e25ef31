// Which cores and devices ranks get, on machines that are made up, and which requests hosts refuse.
#include "spawn/hosts/hosts.hpp"
#include "spawn/launch/slurm_step.hpp"
#include "spawn/limits/memory_limit.hpp"
#include "spawn/requests/task_request.hpp"
#include "spawn/requests/thread_count.hpp"
#include "spawn/resources/assigner.hpp"
#include "spawn/resources/core_book.hpp"
#include "spawn/resources/core_claim.hpp"
#include "spawn/resources/devices.hpp"
#include "spawn/resources/topology.hpp"

#include <farm/error.hpp>
#include <farm/memory_size.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/spawn/scoped_environment.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

using namespace farm::detail;
using namespace farm::literals;

namespace {

using Numbers = std::vector<std::size_t>;

Cores cores_of(std::string const& description) {
  auto const machine = Topology::made_up(description);
  return machine.cores_within(machine.all());
}

RankPlace on_node(std::string const& host, Cores const& cores) {
  Processors allowed;
  for (auto const& core : cores) allowed.insert(allowed.end(), core.begin(), core.end());
  std::sort(allowed.begin(), allowed.end());
  return {.host = host, .is_here = false, .allowed = allowed, .cores = cores};
}

}  // namespace

TEST_CASE("a core has all its logical processors, and those that a process may not use are left out") {
  auto const machine = Topology::made_up("pack:2 core:2 pu:2");
  CHECK(to_text(machine.cores_within(machine.all())) == "0,1;2,3;4,5;6,7");
  CHECK(to_text(machine.cores_within({1, 4, 5})) == "1;4,5");
  CHECK(to_text(machine.cores_within({0, 99})) == "0;99");
  CHECK(read_cores("0,1;2,3") == Cores{{0, 1}, {2, 3}});
  CHECK(read_cores("").empty());
}

TEST_CASE("ranks get neighbouring cores, from the smallest gap that has room") {
  CoreBook book{cores_of("pack:2 core:4 pu:1"), CoreBook::Claims::none};
  Processors const all{0, 1, 2, 3, 4, 5, 6, 7};
  CHECK(book.take(all, 3) == Numbers{0, 1, 2});
  CHECK(book.take(all, 2) == Numbers{3, 4});
  CHECK(book.take(all, 3) == Numbers{5, 6, 7});
  CHECK(book.take(all, 1).empty());
  book.give_back({0, 1, 2});
  book.give_back({5, 6});
  CHECK(book.take(all, 2) == Numbers{5, 6});
  CHECK(book.take({1, 2}, 2) == Numbers{1, 2});
  CHECK(book.take({1, 2}, 1).empty());  // a launcher's binding is never widened
  CHECK(book.processors_of({1, 2}, {2}) == Processors{2});
}

TEST_CASE("two farms on one host do not take the same core") {
  int const far = 1'000'000;  // no such core, so no other farm has it
  auto const first = claim_core(far);
  CHECK(first);
  CHECK(!claim_core(far));
  CHECK(claim_core(far + 1));
  CoreBook one{{{far + 2}, {far + 3}}, CoreBook::Claims::of_this_host};
  CoreBook other{{{far + 2}, {far + 3}}, CoreBook::Claims::of_this_host};
  Processors const all{far + 2, far + 3};
  CHECK(one.take(all, 1) == Numbers{0});
  CHECK(other.take(all, 1) == Numbers{1});
  CHECK(other.take(all, 1).empty());
  one.give_back({0});
  CHECK(other.take(all, 1) == Numbers{0});
}

TEST_CASE("groups on a large host never share a core unless there are more ranks than cores") {
  std::mt19937 random{7};
  auto const cores = cores_of("pack:2 core:16 pu:2");
  Assigner assigner;
  std::map<std::uint64_t, std::vector<Assignment>> groups;
  for (std::uint64_t id = 1; id < 400; ++id) {
    Request const request{.ranks = 1 + static_cast<int>(random() % 4), .threads = 1 + static_cast<int>(random() % 4)};
    std::vector<RankPlace> places(static_cast<std::size_t>(request.ranks), on_node("node", cores));
    groups[id] = assigner.assign(id, request, places, {});
    if (random() % 2 == 0) {
      auto const gone = std::next(groups.begin(), static_cast<long>(random() % groups.size()))->first;
      groups.erase(gone);
      for (auto const& late : assigner.release(gone)) groups.at(late.group)[late.rank] = late.assignment;
    }
    std::vector<int> used;
    bool any_unbound = false;
    for (auto const& [group, assignments] : groups) {
      for (auto const& each : assignments) {
        any_unbound = any_unbound || each.processors.empty();
        used.insert(used.end(), each.processors.begin(), each.processors.end());
      }
    }
    auto const different = std::set<int>{used.begin(), used.end()};
    REQUIRE(different.size() == used.size());
    if (any_unbound) CHECK(used.size() > 64 - 4 * 2);  // so few are left that a rank finds too few
  }
}

TEST_CASE("a rank without cores gets some when they are free") {
  auto const cores = cores_of("core:2 pu:1");
  Assigner assigner;
  static_cast<void>(assigner.assign(1, {.ranks = 2}, {on_node("node", cores), on_node("node", cores)}, {}));
  CHECK(assigner.assign(2, {.ranks = 1}, {on_node("node", cores)}, {}).front().processors.empty());
  CHECK(assigner.assign(3, {.ranks = 1}, {on_node("other", cores)}, {}).front().processors == Processors{0});
  auto const late = assigner.release(1);
  REQUIRE(late.size() == 1);
  CHECK(late.front().group == 2);
  CHECK(late.front().assignment.processors == Processors{0});
}

TEST_CASE("each rank has devices of its own, and gives them back") {
  auto const place = on_node("node", cores_of("core:4 pu:1"));
  Assigner assigner;
  Assigner::Options const options{.binds = false, .devices = {{"node", 4}}};
  auto const first = assigner.assign(1, {.ranks = 2, .gpus = 1}, {place, place}, options);
  CHECK(first[0].devices == std::vector<int>{0});
  CHECK(first[1].devices == std::vector<int>{1});
  CHECK(first[0].processors.empty());
  CHECK(assigner.assign(2, {.ranks = 1, .gpus = 2}, {place}, options).front().devices == std::vector<int>{2, 3});
  static_cast<void>(assigner.release(1));
  CHECK(assigner.assign(3, {.ranks = 1, .gpus = 1}, {place}, options).front().devices == std::vector<int>{0});
}

TEST_CASE("devices are entries of the list that is set, and all makers' variables agree") {
  ScopedEnvironment const none{{{"CUDA_VISIBLE_DEVICES", {}}, {"HIP_VISIBLE_DEVICES", {}}, {"ZE_AFFINITY_MASK", {}}}};
  CHECK(!listed_devices());
  CHECK(device_variables({1, 2}).front().second == "1,2");
  ScopedEnvironment const some{{{"HIP_VISIBLE_DEVICES", "4,5,7"}}};
  CHECK(listed_devices() == 3);
  for (auto const& [name, value] : device_variables({0, 2})) CHECK(value == "4,7");
  ScopedEnvironment const more{{{"CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b"}}};
  CHECK(device_variables({1})[0].second == "GPU-b");
  CHECK(device_variables({1})[1].second == "5");
}

TEST_CASE("groups are placed where cores, devices and memory are left") {
  auto const host = [](std::string const& name) {
    return HostSlots{.name = name, .slots = 8, .capacity = {.cores = 8, .gpus = 2, .memory = 16_GiB}};
  };
  SlotMap map{{.hosts = {host("a"), host("b")}, .limited = true, .origin = "test", .remedy = {}}};
  Request const large{.ranks = 2, .threads = 4, .gpus = 1, .memory = 8_GiB};
  CHECK(to_text(map.take(large)) == "a:2");
  CHECK(!map.has_room({.ranks = 3, .threads = 4}));
  CHECK(map.has_room({.ranks = 2, .threads = 4}));
  auto const second = map.take({.ranks = 1, .gpus = 2});
  CHECK(to_text(second) == "b:1");
  CHECK(!map.has_room({.ranks = 1, .gpus = 1}));
  CHECK(map.could_have_room({.ranks = 4, .gpus = 1}));
  CHECK(!map.could_have_room({.ranks = 5, .gpus = 1}));
  map.give_back(second, {.ranks = 1, .gpus = 2});
  CHECK(to_text(map.take({.ranks = 1, .memory = 16_GiB})) == "b:1");
  CHECK(!map.has_room({.ranks = 1, .memory = 1}));
}

TEST_CASE("a task asks for what it says, else for what its pool says") {
  farm::WorkerOptions const pool{.threads = 2, .gpus = 1, .memory = 1_GiB, .resources = {{"licence", 1}, {"port", 2}}};
  auto const defaults = request_of({}, 3, pool);
  CHECK(to_text(defaults) == "3 ranks with 2 threads, 1 gpu and 1 GiB each, licence=1, port=2");
  auto const other =
      request_of({.threads = 4, .gpus = 0, .memory = 0, .resources = {{"licence", 0}, {"port", 1}}}, 1, pool);
  CHECK(to_text(other) == "1 rank with 4 threads, port=1");
  auto const why = [](farm::TaskOptions const& options) {
    return error_of<farm::UsageError>([&] { static_cast<void>(request_of(options, 1, {})); });
  };
  CHECK(why({.threads = -2}) == "a task's threads must not be below 0, but is -2");
  CHECK(why({.gpus = -1}) == "a task's gpus must not be below 0, but is -1");
  CHECK_THAT(why({.memory = std::int64_t{1} << 62}), contains("which is too large"));
  CHECK_THAT(why({.resources = {{"gpus", 1}}}), contains("resources: gpus has an option of its own"));
}

TEST_CASE("a request that no host can meet is refused with what each host has") {
  std::vector<HostResources> const hosts{{"a", {.cores = 4, .memory = 8_GiB}},
                                         {"b", {.cores = 8, .gpus = 2, .memory = 4_GiB}}};
  auto const why = [&](Request const& request) {
    return error_of<farm::UsageError>([&] { check_request(request, hosts, {{"licence", 2}}); });
  };
  CHECK(why({.ranks = 1, .threads = 9}) ==
        "a rank needs 9 cores for its threads, but a has 4 cores, b has 8 cores; ask for fewer threads");
  CHECK_THAT(why({.ranks = 1, .gpus = 3}), contains("a rank needs 3 gpus, but a has 0, b has 2"));
  CHECK_THAT(why({.ranks = 1, .memory = 9_GiB}),
             contains("a rank needs 9 GiB of memory, but a has 8 GiB, b has 4 GiB"));
  CHECK(why({.ranks = 3, .gpus = 1}) ==
        "a task needs 3 ranks with 1 gpu each, but there is room for 2 such ranks on 2 hosts");
  CHECK_THAT(why({.ranks = 1, .named = {{"license", 1}}}), contains("did you mean licence?"));
  check_request({.ranks = 3, .threads = 4}, hosts, {});
}

TEST_CASE("the memory limit of a control group counts") {
  auto const root = std::filesystem::current_path() / "made-up-root";
  std::filesystem::create_directories(root / "proc/self");
  std::filesystem::create_directories(root / "sys/fs/cgroup/job");
  std::ofstream{root / "proc/self/cgroup"} << "0::/job\n";
  std::ofstream{root / "proc/self/mountinfo"} << "1 2 0:3 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
  CHECK(!memory_limit(root));
  std::ofstream{root / "sys/fs/cgroup/job/memory.max"} << "max\n";
  CHECK(!memory_limit(root));
  std::ofstream{root / "sys/fs/cgroup/job/memory.max"} << "1073741824\n";
  CHECK(memory_limit(root) == 1_GiB);
}

TEST_CASE("a step of Slurm has the threads and devices of its tasks") {
  SlurmJob const job{.id = "1",
                     .components = {{.hosts = {{"n1", 4}}, .cpus_per_task = 2, .resources = {{"n1", {{"gpu", 4}}}}}}};
  HostList const list{.hosts = {{"n1", 4}}, .limited = true, .origin = "test", .remedy = {}, .job = job};
  Placement const placement{{"n1", 2}};
  auto const text = [&](Request const& request) {
    return fmt::format("{}", fmt::join(step_options(list, placement, request), " "));
  };
  CHECK(text({.ranks = 2}) == "--exact --cpus-per-task=2 --gres=gpu:2");
  CHECK(text({.ranks = 2, .threads = 4, .gpus = 1}) == "--exact --cpus-per-task=4 --gpus-per-task=1");
  CHECK(text({.ranks = 2, .threads = 1}) == "--exact --cpus-per-task=1");
}
