// Masters that are killed, and the next ones that take over their groups.
#include "core/base/descriptor.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::string content(fs::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

std::vector<std::string> lines_of(fs::path const& path) {
  std::vector<std::string> lines;
  std::ifstream file{path};
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::size_t count_of(std::vector<std::string> const& lines, std::string const& begin) {
  return static_cast<std::size_t>(
      std::count_if(lines.begin(), lines.end(), [&](std::string const& line) { return line.starts_with(begin); }));
}

[[nodiscard]] bool becomes_true(std::function<bool()> const& condition, std::chrono::seconds limit = 60s) {
  for (auto const end = std::chrono::steady_clock::now() + limit; std::chrono::steady_clock::now() < end;) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return condition();
}

/// A state directory, and the masters that have it one after the other.
class Run {
 public:
  explicit Run(std::string const& name)
      : scratch_(name), mark_(fmt::format("FARM_TEST_MARK={}.{}.", getpid(), ++runs)) {
    fs::create_directory(dir() / "groups");
  }
  Run(Run const&) = delete;
  Run& operator=(Run const&) = delete;
  ~Run() {
    for (auto const process : processes()) kill(process, SIGKILL);
    if (master_ > 0) waitpid(master_, nullptr, 0);
  }

  [[nodiscard]] fs::path const& dir() const { return scratch_.path; }

  /// Starts the next master.
  void start(std::string const& kind, int count, int ranks, std::vector<std::string> environment = {},
             std::string const& program = FARM_SUCCEEDING_PROGRAM) {
    std::vector<std::string> words{program, dir().string(), kind, std::to_string(count), std::to_string(ranks)};
    environment.push_back(mark_);
    auto const out = (dir() / "out").string();
    fflush(nullptr);
    master_ = fork();
    REQUIRE(master_ >= 0);
    if (master_ != 0) return;
    int const file = open(out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(file, 1);
    dup2(file, 2);
    for (auto& line : environment) putenv(line.data());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(arguments[0], arguments.data());
    _exit(127);
  }

  void kill_master() {
    kill(master_, SIGKILL);
    waitpid(std::exchange(master_, -1), nullptr, 0);
  }

  /// Returns the status of the master, which ends by itself.
  [[nodiscard]] int status() {
    int status = -1;
    bool const ended = becomes_true([&] { return waitpid(master_, &status, WNOHANG) == master_; });
    if (!ended) return -1;
    master_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  void touch(std::string const& name) const { std::ofstream{dir() / name} << ""; }
  [[nodiscard]] std::vector<std::string> effects() const { return lines_of(dir() / "effects"); }
  [[nodiscard]] std::vector<std::string> said() const { return lines_of(dir() / "said"); }
  [[nodiscard]] std::string output() const { return content(dir() / "out"); }
  [[nodiscard]] bool has_effects(std::size_t count, std::string const& begin = "begin") const {
    return becomes_true([&] { return count_of(effects(), begin) >= count; });
  }
  [[nodiscard]] bool has_said(std::string const& line, std::size_t times = 1) const {
    return becomes_true([&] { return count_of(said(), line) >= times; });
  }
  /// Returns the ends that were kept, in order.
  [[nodiscard]] std::vector<std::string> done() const {
    auto lines = lines_of(dir() / "done");
    std::sort(lines.begin(), lines.end(), [](auto const& a, auto const& b) { return std::stoi(a) < std::stoi(b); });
    return lines;
  }

  /// Returns the processes of this run, and of all that they have started.
  [[nodiscard]] std::vector<pid_t> processes() const {
    std::vector<pid_t> found;
    std::error_code error;
    for (auto const& entry : fs::directory_iterator{"/proc", error}) {
      pid_t const process = std::atoi(entry.path().filename().c_str());
      if (process > 0 && content(entry.path() / "environ").find(mark_) != std::string::npos) found.push_back(process);
    }
    return found;
  }
  [[nodiscard]] bool leaves_nothing() const {
    return becomes_true([&] { return processes().empty(); }, 30s) && becomes_true([&] { return groups().empty(); }, 5s);
  }
  [[nodiscard]] std::vector<std::string> groups() const {
    std::vector<std::string> names;
    std::error_code error;
    for (auto const& entry : fs::directory_iterator{dir() / "groups", error}) {
      if (entry.path().filename() != "master") names.push_back(entry.path().filename());
    }
    return names;
  }
  /// Returns the launchers of this run.
  [[nodiscard]] std::vector<pid_t> launchers() const {
    auto found = processes();
    std::erase_if(found,
                  [](pid_t process) { return !content(fmt::format("/proc/{}/comm", process)).starts_with("mpiexec"); });
    return found;
  }

 private:
  static inline int runs = 0;
  Scratch scratch_;
  std::string mark_;
  pid_t master_ = -1;
};

std::vector<std::string> first_attempts(int count) {
  std::vector<std::string> lines;
  for (int tag = 1; tag <= count; ++tag) lines.push_back(fmt::format("{} 1 {}", tag, 10 * tag));
  return lines;
}

}  // namespace

TEST_CASE("tasks that run when their master is killed go on, and the next one gets their answers as first attempts") {
  auto const kind = GENERATE(as<std::string>{}, "wait", "program", "array");
  int const ranks = kind == "program" ? 1 : 2;
  bool const ends_before = GENERATE(true, false);
  CAPTURE(kind, ends_before);
  Run run{"succession"};
  run.start(kind, 2, ranks);
  REQUIRE(run.has_effects(2));
  run.kill_master();
  if (ends_before) {
    run.touch("go");
    REQUIRE(run.has_effects(2, "end"));
  }
  run.start(kind, 2, ranks);
  if (!ends_before) {
    REQUIRE(run.has_said("resolved 2"));
    run.touch("go");
  }
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  CHECK(run.said().at(3) == "resolved 2");
  CHECK(run.done() == first_attempts(2));
  CHECK(run.effects().size() == 4);
  CHECK(run.leaves_nothing());
}

TEST_CASE("answers that no master has confirmed are told to the next one") {
  Run run{"unconfirmed"};
  run.touch("stay");
  run.start("quick", 12, 2, {"KEEP_NOTHING=1"});
  REQUIRE(run.has_said("all done"));
  run.kill_master();
  fs::remove(run.dir() / "stay");
  run.start("quick", 12, 2);
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  CHECK(run.done() == first_attempts(12));
  CHECK(count_of(run.effects(), "begin") == 12);
  CHECK(count_of(run.said(), "claimed") == 12);
  CHECK(run.leaves_nothing());
}

TEST_CASE("idle groups are taken over, and run the tasks of the next master") {
  Run run{"idle"};
  run.touch("stay");
  run.start("quick", 1, 2);
  REQUIRE(run.has_said("all done"));
  auto const before = run.launchers();
  REQUIRE_FALSE(before.empty());
  run.kill_master();
  fs::remove(run.dir() / "stay");
  run.start("quick", 2, 2);
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  CHECK(count_of(run.said(), fmt::format("resolved {}", before.size())) == 1);
  CHECK(count_of(run.said(), "claimed") == 0);
  CHECK(run.done() == first_attempts(2));
  CHECK(run.leaves_nothing());
}

TEST_CASE("ranks that wait too long for the next master, or whose directory is gone, end and leave nothing") {
  bool const by_time = GENERATE(true, false);
  auto const kind = GENERATE(as<std::string>{}, "wait", "program");
  CAPTURE(by_time, kind);
  Run run{"in_vain"};
  run.start(kind, 2, kind == "program" ? 1 : 2, {by_time ? "RECONNECT=1" : "RECONNECT=600"});
  REQUIRE(run.has_effects(2));
  run.kill_master();
  if (by_time) {
    run.touch("go");
  } else {
    fs::remove_all(run.dir() / "groups");
  }
  CHECK(run.leaves_nothing());
}

TEST_CASE("the next master does not wait for groups that have ended meanwhile") {
  Run run{"ended"};
  run.start("wait", 2, 2, {"RECONNECT=1"});
  REQUIRE(run.has_effects(2));
  run.kill_master();
  run.touch("go");
  REQUIRE(run.leaves_nothing());
  run.start("wait", 2, 2);
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  CHECK(run.done() == first_attempts(2));  // as far as the master knows
  CHECK(count_of(run.effects(), "begin") == 4);
  CHECK(run.leaves_nothing());
}

TEST_CASE("a group survives several masters") {
  Run run{"several"};
  run.start("wait", 2, 2);
  REQUIRE(run.has_effects(2));
  for (std::size_t i = 1; i <= 2; ++i) {
    run.kill_master();
    run.start("wait", 2, 2);
    REQUIRE(run.has_said("resolved 2", i));
  }
  run.kill_master();
  run.touch("go");
  REQUIRE(run.has_effects(2, "end"));
  run.start("wait", 3, 2);
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  CHECK(run.done() == first_attempts(3));
  CHECK(count_of(run.effects(), "begin") == 3);
  CHECK(run.leaves_nothing());
}

TEST_CASE("a task whose launcher is killed while there is no master runs again, and no rank is left") {
  Run run{"launcher"};
  run.start("wait", 1, 2);
  REQUIRE(run.has_effects(1));
  run.kill_master();
  for (auto const launcher : run.launchers()) kill(launcher, SIGKILL);
  REQUIRE(becomes_true([&] { return run.launchers().empty(); }));
  run.start("wait", 1, 2);
  REQUIRE(run.has_said("ready"));
  run.touch("go");
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  REQUIRE(run.done().size() == 1);
  CHECK(run.done()[0].ends_with(" 10"));
  CHECK(run.leaves_nothing());
}

TEST_CASE("a group of another build of the program is ended, and its tasks run again") {
  Run run{"build"};
  run.start("wait", 2, 2);
  REQUIRE(run.has_effects(2));
  run.kill_master();
  // the linker's build id is a note of 20 bytes, whose name is GNU
  auto bytes = content(FARM_SUCCEEDING_PROGRAM);
  auto const note = bytes.find(std::string{"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", 16});
  REQUIRE(note != std::string::npos);
  bytes[note + 16] = static_cast<char>(bytes[note + 16] ^ 1);
  auto const other = (run.dir() / "other_build").string();
  std::ofstream{other, std::ios::binary} << bytes;
  fs::permissions(other, fs::perms::owner_all);
  run.start("wait", 2, 2, {}, other);
  REQUIRE(run.has_said("ready"));
  run.touch("go");
  CHECK(run.status() == 0);
  CHECK_THAT(run.output(), contains("it was started by another build of the program; its tasks run again"));
  CHECK(run.done() == std::vector<std::string>{"1 2 10", "2 2 20"});
  CHECK(run.leaves_nothing());
}

TEST_CASE("a task that prints while there is no master does not stop, and the latest of it is heard") {
  Run run{"printing"};
  run.start("print", 1, 1);
  REQUIRE(run.has_effects(1));
  run.kill_master();
  run.touch("print");
  REQUIRE(run.has_effects(1, "end"));
  run.start("print", 1, 1);
  REQUIRE(run.has_said("resolved 1"));
  run.touch("go");
  CHECK(run.status() == 0);
  CHECK_THAT(run.output(), contains("bytes of output were dropped while there was no server\n") &&
                               contains("line 199999 of a task that nobody listens to\n"));
  CHECK(run.done() == first_attempts(1));
  CHECK(run.leaves_nothing());
}

TEST_CASE("whenever the master is killed, each task is answered once, and tasks that go on are first attempts") {
  std::mt19937 random{static_cast<unsigned>(Catch::rngSeed())};
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  Run run{"random"};
  constexpr int count = 400;
  constexpr int kills = 15;
  for (int i = 0; i < kills; ++i) {
    run.start("hurry", count, ranks);
    auto const tasks_before = run.effects().size();
    auto const wanted = tasks_before + random() % (count / kills);
    static_cast<void>(becomes_true([&] { return run.effects().size() >= wanted || run.done().size() == count; }));
    run.kill_master();
  }
  run.start("hurry", count, ranks);
  CHECK(run.status() == 0);
  CAPTURE(run.output());
  auto const done = run.done();
  REQUIRE(done.size() == count);
  for (int tag = 1; tag <= count; ++tag) CHECK(done[tag - 1].ends_with(fmt::format(" {}", 10 * tag)));
  // a group of one rank never loses a task; one of several does if the master dies while it sends the task
  std::map<std::string, int> begun;
  for (auto const& line : run.effects()) ++begun[line];
  for (auto const& [line, times] : begun) CHECK(times == 1);
  if (ranks == 1) CHECK(done == first_attempts(count));
  CHECK(run.leaves_nothing());
}
