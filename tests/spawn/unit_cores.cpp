#include "spawn/limits/cores.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

using namespace farm::detail;
namespace fs = std::filesystem;

namespace {

/// A made-up root directory, with what the kernel would say in it.
class Tree {
 public:
  Tree() : root_(fs::temp_directory_path() / fmt::format("farm-cgroup-{}", getpid())) {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  Tree(Tree const&) = delete;
  Tree& operator=(Tree const&) = delete;
  ~Tree() { fs::remove_all(root_); }

  void write(std::string const& path, std::string const& text) const {
    auto const file = root_ / path;
    fs::create_directories(file.parent_path());
    std::ofstream{file} << text;
  }
  /// `groups` is the text of /proc/self/cgroup, and `mounts` that of /proc/self/mountinfo.
  void make_process(std::string const& groups, std::string const& mounts) const {
    write("proc/self/cgroup", groups);
    write("proc/self/mountinfo", "23 1 0:22 / / rw,relatime shared:1 - ext4 /dev/vda rw\n" + mounts);
  }
  void limit_v1(std::string const& directory, int quota, int period = 100000) const {
    write(directory + "/cpu.cfs_quota_us", fmt::format("{}\n", quota));
    write(directory + "/cpu.cfs_period_us", fmt::format("{}\n", period));
  }
  [[nodiscard]] std::optional<int> cores() const { return quota_core_count(root_); }

 private:
  fs::path root_;
};

std::string const v1_mount =  // NOLINT: a string
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw,relatime shared:10 - cgroup cgroup rw,cpuset\n";
std::string const v1 = "sys/fs/cgroup/cpu,cpuacct";  // NOLINT: likewise
std::string const v2_mount =                         // NOLINT: likewise
    "41 23 0:38 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
std::string const v2 = "sys/fs/cgroup";  // NOLINT: likewise

bool write_file(fs::path const& file, std::string const& text) {
  std::ofstream stream{file};
  stream << text << std::flush;
  return stream.good();
}

/// Calls `check` in a child process that is in the control group. Returns what it returns; -1 if the child cannot join.
template <class Check>
int in_group(fs::path const& group, Check check) {
  pid_t const child = fork();
  if (child == 0) {
    bool const joined = write_file(group / "cgroup.procs", fmt::format("{}", getpid()));
    _exit(joined ? check() : 255);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) != 255 ? WEXITSTATUS(status) : -1;
}

/// Makes a real control group with a quota of 1.5 cores, and one without a quota inside of it. Returns the inner one;
/// an empty path if this machine does not allow it.
class RealGroups {
 public:
  RealGroups() {
    auto const name = fmt::format("farm-test-{}", getpid());
    for (fs::path const base : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup"}) {
      outer_ = base / name;
      std::error_code error;
      if (base == "/sys/fs/cgroup") write_file(base / "cgroup.subtree_control", "+cpu");
      fs::create_directory(outer_, error);
      if (error) continue;
      bool const limited =
          write_file(outer_ / "cpu.max", "150000 100000") ||
          (fs::exists(outer_ / "cpu.cfs_quota_us") && write_file(outer_ / "cpu.cfs_quota_us", "150000"));
      if (limited && fs::create_directory(outer_ / "inner", error)) {
        inner_ = outer_ / "inner";
        return;
      }
      fs::remove(outer_, error);
    }
  }
  RealGroups(RealGroups const&) = delete;
  RealGroups& operator=(RealGroups const&) = delete;
  ~RealGroups() {
    std::error_code error;
    if (!inner_.empty()) fs::remove(inner_, error);
    fs::remove(outer_, error);
  }
  [[nodiscard]] fs::path const& outer() const { return outer_; }
  [[nodiscard]] fs::path const& inner() const { return inner_; }

 private:
  fs::path outer_;
  fs::path inner_;
};

}  // namespace

TEST_CASE("without control groups, and without quotas in them, there is no quota") {
  Tree const tree;
  CHECK_FALSE(tree.cores());
  tree.make_process("1:name=systemd:/\nnonsense\n", "20 1 0:20 / /sys rw - sysfs sysfs rw\nnonsense\n");
  CHECK_FALSE(tree.cores());
  tree.make_process("1:cpu,cpuacct:/job\n0::/\n", v1_mount);
  CHECK_FALSE(tree.cores());
  tree.limit_v1(v1 + "/job", -1);
  CHECK_FALSE(tree.cores());
  tree.make_process("0::/job\n", v2_mount);
  tree.write(v2 + "/job/cpu.max", "max 100000\n");
  CHECK_FALSE(tree.cores());
}

TEST_CASE("a quota of version 1 counts in whole cores, and at least as one") {
  Tree const tree;
  tree.make_process("4:cpuset:/other\n1:cpu,cpuacct:/job\n", v1_mount);
  struct Case {
    int quota;
    int period;
    int cores;
  };
  for (auto const& [quota, period, cores] : {Case{400000, 100000, 4}, Case{150000, 100000, 1}, Case{299999, 100000, 2},
                                             Case{10000, 100000, 1}, Case{100000, 50000, 2}}) {
    CAPTURE(quota, period);
    tree.limit_v1(v1 + "/job", quota, period);
    CHECK(tree.cores() == cores);
  }
}

TEST_CASE("a quota of version 2 counts in whole cores, and at least as one") {
  Tree const tree;
  tree.make_process("0::/job\n", v2_mount);
  struct Case {
    std::string text;
    int cores;
  };
  for (auto const& [text, cores] :
       {Case{"400000 100000\n", 4}, Case{"150000 100000\n", 1}, Case{"10000 100000\n", 1}, Case{"60000 20000\n", 3}}) {
    CAPTURE(text);
    tree.write(v2 + "/job/cpu.max", text);
    CHECK(tree.cores() == cores);
  }
}

TEST_CASE("the smallest quota on the way to the top counts, whichever group has it") {
  Tree const tree;
  SECTION("version 1") {
    tree.make_process("1:cpu,cpuacct:/slurm/job/step\n", v1_mount);
    tree.limit_v1(v1, -1);
    tree.limit_v1(v1 + "/slurm", 800000);
    tree.limit_v1(v1 + "/slurm/job", 200000);
    tree.limit_v1(v1 + "/slurm/job/step", -1);
    tree.limit_v1(v1 + "/slurm/other", 100000);
  }
  SECTION("version 2") {
    tree.make_process("0::/system.slice/job.scope/step\n", v2_mount);
    tree.write(v2 + "/system.slice/cpu.max", "200000 100000\n");
    tree.write(v2 + "/system.slice/job.scope/cpu.max", "max 100000\n");
    tree.write(v2 + "/system.slice/job.scope/step/cpu.max", "400000 100000\n");
    tree.write(v2 + "/system.slice/other/cpu.max", "100000 100000\n");
  }
  SECTION("both, with the controller in version 1") {
    tree.make_process("1:cpu,cpuacct:/job\n0::/job\n", v1_mount +
                                                           "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 "
                                                           "cgroup2 rw\n");
    tree.limit_v1(v1 + "/job", 200000);
  }
  CHECK(tree.cores() == 2);
}

TEST_CASE("quotas are found in containers") {
  Tree const tree;
  SECTION("the top of the container is mounted, and the path is that of the host") {
    tree.make_process("1:cpu,cpuacct:/docker/abc/inner\n",
                      "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu,cpuacct ro - cgroup cgroup rw,cpu,cpuacct\n");
    tree.limit_v1(v1, 200000);
    tree.limit_v1(v1 + "/inner", -1);
  }
  SECTION("a name space of control groups: the path begins at the top of the container") {
    tree.make_process("0::/\n", v2_mount);
    tree.write(v2 + "/cpu.max", "200000 100000\n");
  }
  SECTION("the path is that of the host, but the directory exists only as the top") {
    tree.make_process("0::/kubepods/pod/abc\n", v2_mount);
    tree.write(v2 + "/cpu.max", "200000 100000\n");
  }
  SECTION("the mount lies outside of the name space, and the path in it") {
    tree.make_process("0::/\n", "41 23 0:38 /.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree.write(v2 + "/cpu.max", "200000 100000\n");
  }
  SECTION("the mount lies two levels outside of the name space: the directory is found by its processes") {
    tree.make_process("0::/job\n", "41 23 0:38 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    tree.write(v2 + "/a/other/job/cgroup.procs", "1\n2\n");
    tree.write(v2 + "/a/other/job/cpu.max", "100000 100000\n");
    tree.write(v2 + "/b/own/job/cgroup.procs", fmt::format("1\n{}\n", getpid()));
    tree.write(v2 + "/b/own/cpu.max", "200000 100000\n");
  }
  SECTION("the group of another container is mounted, too") {
    tree.make_process("0::/a\n", "41 23 0:38 /ab /mnt/ab rw - cgroup2 cgroup2 rw\n" + v2_mount);
    tree.write("mnt/ab/cpu.max", "100000 100000\n");
    tree.write(v2 + "/a/cpu.max", "200000 100000\n");
  }
  SECTION("names with blanks") {
    tree.make_process("0::/my job\n", "41 23 0:38 / /my\\040groups rw - cgroup2 cgroup2 rw\n");
    tree.write("my groups/my job/cpu.max", "200000 100000\n");
  }
  CHECK(tree.cores() == 2);
}

TEST_CASE("the cores that may be used are those of the affinity, and no more than the quota") {
  CHECK(affinity_core_count() >= 1);
  CHECK(core_count() == std::min(affinity_core_count(), quota_core_count().value_or(affinity_core_count())));
}

TEST_CASE("a quota of a real control group counts, also in a group inside of it") {
  RealGroups const groups;
  auto const cores = [] { return quota_core_count().value_or(100); };
  if (groups.inner().empty() || in_group(groups.inner(), cores) < 0) {
    WARN("this machine does not let this process make a control group with a quota: only made-up ones were tested");
    return;
  }
  CHECK(in_group(groups.outer(), cores) == 1);
  CHECK(in_group(groups.inner(), cores) == 1);
  CHECK(in_group(groups.inner(), core_count) == 1);
  auto const in_name_space = [&] { return unshare(CLONE_NEWCGROUP) == 0 ? cores() : 1; };
  CHECK(in_group(groups.inner(), in_name_space) == 1);
}
