// Programs as tasks: MPI programs that know nothing of the farm, and others, beside functions.
#include <farm/farm.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

std::string const plain_mpi = FARM_PLAIN_MPI;  // NOLINT: a string

int process_of_rank() { return getpid(); }

int sum_of_ranks(farm::Comm const& comm) {
  int const rank = comm.rank();
  int sum = 0;
  MPI_Allreduce(&rank, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

/// Open MPI 5 would print of network interfaces that lead nowhere.
farm::Program plain(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), plain_mpi);
  return {.command = std::move(arguments), .environment = {{"OMPI_MCA_btl_tcp_if_include", "lo"}}, .capture = 100'000};
}

/// Runs a program that any system has, by one process.
farm::Program shell(std::string const& script) {
  return {.command = {"sh", "-c", script}, .capture = 100'000, .mpi = false};
}

std::vector<std::string> sorted_lines(std::string const& text) {
  std::vector<std::string> lines;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> lines_of_ranks(int ranks) {
  std::vector<std::string> lines;
  for (int i = 0; i < ranks; ++i) {
    lines.push_back(fmt::format("rank {} of {}, sum {}", i, ranks, ranks * (ranks - 1) / 2));
  }
  return lines;
}

/// Waits until the program has made the file, and returns the number of the process in it.
pid_t process_in(std::filesystem::path const& mark) {
  while (!std::filesystem::exists(mark)) std::this_thread::yield();
  pid_t process = 0;
  std::ifstream{mark} >> process;
  return process;
}

/// Returns true if the process exists, and is not only waiting to be collected.
bool is_alive(pid_t process) {
  std::string text;
  std::getline(std::ifstream{fmt::format("/proc/{}/stat", process)}, text);
  auto const name_end = text.rfind(')');
  return name_end != std::string::npos && text.at(name_end + 2) != 'Z';
}

farm::TaskOptions with_ranks(int ranks) { return {.ranks = ranks}; }

std::string content(std::filesystem::path const& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A control group whose processes have 64 MiB together. Has no path if this process cannot make one.
class SmallMemory {
 public:
  SmallMemory() {
    bool const is_first_version = std::filesystem::exists("/sys/fs/cgroup/memory");
    auto const path = fmt::format("/sys/fs/cgroup/{}farm-test-{}", is_first_version ? "memory/" : "", getpid());
    std::error_code error;
    if (!std::filesystem::create_directory(path, error)) return;
    path_ = path;
    std::ofstream limit{path + (is_first_version ? "/memory.limit_in_bytes" : "/memory.max")};
    if (!(limit << (64 << 20) << std::flush)) remove();
  }
  SmallMemory(SmallMemory const&) = delete;
  SmallMemory& operator=(SmallMemory const&) = delete;
  ~SmallMemory() { remove(); }
  /// Returns false, and says so, if the kernel's reason cannot be tested here.
  [[nodiscard]] bool can_be_used() const {
    bool const can = !path_.empty() && access("/dev/kmsg", R_OK) == 0;
    if (!can) fmt::print("skipped: lack of memory: needs root, a control group for memory and the kernel's log\n");
    return can;
  }
  /// Returns the file into which a process writes its number to be in the group.
  [[nodiscard]] std::string processes() const { return path_.empty() ? path_ : path_ + "/cgroup.procs"; }

 private:
  void remove() {
    if (!path_.empty()) rmdir(path_.c_str());
    path_.clear();
  }
  std::string path_;
};

int take_memory(std::string const& processes) {
  std::ofstream{processes} << getpid() << std::flush;
  std::vector<std::string> blocks;
  while (blocks.size() < 4096) blocks.emplace_back(std::size_t{1} << 20U, 'x');
  return static_cast<int>(blocks.size());
}

}  // namespace

TEST_CASE("a program that the kernel ends for lack of memory is told as that") {
  SmallMemory const memory;
  if (!memory.can_be_used()) return;
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const program = shell(fmt::format("echo $$ >'{}'; exec tail /dev/zero", memory.processes()));
  CHECK_THAT(error_of<farm::ProgramError>([&] { pool.run(program).result(); }),
             contains("signal 9 (Killed): the kernel has killed it for lack of memory"));
}

TEST_CASE("a group that the kernel ends for lack of memory is told as that", "[spawned]") {
  SmallMemory const memory;
  if (!memory.can_be_used()) return;
  farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 1}};
  auto const lost = pool.submit(take_memory, memory.processes());
  CHECK_THAT(error_of<farm::GroupLost>([&] { lost.result(); }),
             contains("the kernel has killed it for lack of memory"));
}

TEST_CASE("an MPI program runs on as many ranks as its group has, beside functions in one pool") {
  farm::MPISpawnPool pool{{.max_ranks = 4}};
  for (int const ranks : {1, 2, 4}) {
    CAPTURE(ranks);
    auto const program = pool.run(with_ranks(ranks), plain({"ranks"}));
    auto const function = pool.submit(with_ranks(ranks), sum_of_ranks);
    auto const& exit = program.result();
    CHECK(exit.ok());
    CHECK(sorted_lines(exit.output) == lines_of_ranks(ranks));
    CHECK(exit.seconds > 0);
    CHECK(exit.peak_memory > 1'000'000);
    CHECK(function.result() == ranks * (ranks - 1) / 2);
  }
}

#ifdef FARM_FORTRAN_MPI
TEST_CASE("an MPI program in Fortran runs on the ranks of its group, and its STOP is its status") {
  farm::MPISpawnPool pool{{.max_ranks = 4}};
  for (int const ranks : {1, 2, 4}) {
    CAPTURE(ranks);
    auto const exit = pool.run(with_ranks(ranks), {.command = {FARM_FORTRAN_MPI}, .capture = 100'000}).result();
    CHECK(sorted_lines(exit.output) == lines_of_ranks(ranks));
    auto const stopped =
        pool.run(with_ranks(ranks), {.command = {FARM_FORTRAN_MPI, "stop"}, .capture = 1000, .any_exit = true})
            .result();
    CHECK(stopped.status == 4);
  }
}
#endif

TEST_CASE("a program that fails fails its task with its status, its rank and its last words") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  auto const failed = pool.run(with_ranks(ranks), plain({"fail"}));
  auto const text = error_of<farm::TaskError>([&] { failed.result(); });
  CHECK_THAT(text, contains(fmt::format("rank 0 of {} on ", ranks)));
  CHECK_THAT(text, contains("plain_mpi") &&
                       contains(" fail exited with status 7; it has said: no convergence / residual 0.25"));
  try {
    failed.result();
  } catch (farm::ProgramError const& error) {
    CHECK(error.exit().status == 7);
    CHECK_THAT(error.exit().errors, contains("residual 0.25"));
  }
  auto program = plain({"fail"});
  program.any_exit = true;
  CHECK(pool.run(with_ranks(ranks), program).result().status == 7);
}

TEST_CASE("a program that aborts, or that loses a rank, fails its task and not its group") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  CHECK_THAT(error_of<farm::ProgramError>([&] { pool.run(plain({"abort"})).result(); }),
             contains("abort exited with status 3"));
#ifdef FARM_CAN_SPAWN  // MPICH's mpiexec may report success
  CHECK_THAT(error_of<farm::ProgramError>([&] { pool.run(plain({"killed"})).result(); }),
             contains("killed exited with"));
#endif
  CHECK(pool.submit(sum_of_ranks).result() == 1);
  CHECK(pool.statistics().groups_lost == 0);
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("a signal that ends a program is told by its name") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  CHECK_THAT(error_of<farm::ProgramError>([&] { pool.run(shell("kill -SEGV $$")).result(); }),
             contains("was ended by signal 11 (Segmentation fault)"));
  auto program = shell("kill -KILL $$");
  program.any_exit = true;
  auto const exit = pool.run(program).result();
  CHECK(exit.signal == SIGKILL);
  CHECK(exit.status == 128 + SIGKILL);
}

TEST_CASE("a program that hangs in a collective is ended by its time limit, and costs no group") {
  Scratch const scratch{"hang"};
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks, .grace = 20s}};
  auto const before = pool.submit(process_of_rank).result();
  auto const mark = scratch.path / fmt::format("mark-{}", ranks);
  auto const hung = pool.run(farm::TaskOptions{.timeout = 1500ms}, plain({"hang", mark.string()}));
  auto const process = process_in(mark);
  CHECK_THAT(error_of<farm::TimeoutError>([&] { hung.result(); }), contains("longer than its limit of 1.5 s"));
  CHECK(pool.submit(process_of_rank).result() == before);
  CHECK_FALSE(is_alive(process));
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("a program that ignores SIGTERM is killed when its task is cancelled, and its group lives on") {
  Scratch const scratch{"cancel"};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const before = pool.submit(process_of_rank).result();
  auto const mark = scratch.path / "mark";
  auto running =
      pool.run(farm::TaskOptions{.cancellable = true},
               shell(fmt::format("trap '' TERM; echo $$ >'{0}.part'; mv '{0}.part' '{0}'; while :; do sleep 1000; done",
                                 mark.string())));
  auto const process = process_in(mark);
  CHECK(running.cancel());
  CHECK(pool.submit(process_of_rank).result() == before);
  CHECK_FALSE(is_alive(process));
}

TEST_CASE("nothing that a program has left behind outlives its task") {
  Scratch const scratch{"daemon"};
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  for (int const ranks : {1, 2}) {
    CAPTURE(ranks);
    auto const mark = scratch.path / fmt::format("mark-{}", ranks);
    CHECK(pool.run(with_ranks(ranks), plain({"daemon", mark.string()})).result().ok());
    CHECK_FALSE(is_alive(process_in(mark)));
  }
}

TEST_CASE("a program and all that it has started end with its rank") {
  Scratch const scratch{"rank-death"};
  auto const daemon = scratch.path / "daemon";
  auto const program = scratch.path / "program";
  farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 1}};
  auto const rank = pool.submit(process_of_rank).result();
  auto const lost =
      pool.run(shell(fmt::format("setsid sh -c 'echo $$ >\"{0}.part\"; mv \"{0}.part\" \"{0}\"; sleep 1000' & "
                                 "echo $$ >'{1}.part'; mv '{1}.part' '{1}'; sleep 1000",
                                 daemon.string(), program.string())));
  auto const processes = {process_in(daemon), process_in(program)};
  kill(rank, SIGKILL);
  CHECK_THAT(error_of<farm::GroupLost>([&] { lost.result(); }), contains("signal 9"));
  pool.shutdown();
  for (auto const each : processes) CHECK_FALSE(is_alive(each));
}

TEST_CASE("a program may write any amount of output, of which the last bytes are kept") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  std::uint64_t const mebibytes = ranks == 1 ? 2048 : 256;  // mpiexec passes 60 MiB on in a second
  auto program = plain({"flood", std::to_string(mebibytes)});
  program.capture = 1000;
  auto const exit = pool.run(with_ranks(ranks), program).result();
  CHECK(exit.output_bytes == mebibytes << 20U);
  CHECK(exit.output.size() == 1000);
  CHECK(exit.output.back() == '\n');
  if (ranks == 1) CHECK(exit.peak_memory < 100'000'000);
}

TEST_CASE("what a program prints goes where the output of functions goes") {
  Captured const captured{STDOUT_FILENO};
  Captured const errors{STDERR_FILENO};
  {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    auto program = shell("echo to stdout; echo to stderr >&2");
    program.capture = 0;
    pool.run(program).result();
  }
  CHECK(captured.text() == "to stdout\n");
  CHECK(errors.text() == "to stderr\n");
}

TEST_CASE("a program reads its standard input from a text or a file, and writes to files") {
  Scratch const scratch{"files"};
  std::ofstream{scratch.path / "in"} << "from a file\n";
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  for (int const ranks : {1, 2}) {
    CAPTURE(ranks);
    auto program = plain({"copy"});
    CHECK(pool.run(with_ranks(ranks), program).result().output.empty());
    program.input = "from the caller\n";
    CHECK(pool.run(with_ranks(ranks), program).result().output == "from the caller\n");
    program.directory = scratch.path.string();
    program.input_file = "in";
    program.output_file = "out";
    program.error_file = "out";
    CHECK(pool.run(with_ranks(ranks), program).result().output.empty());
    CHECK(content(scratch.path / "out") == "from a file\n");
  }
}

TEST_CASE("a program gets its directory and variables, and no shell reads its arguments") {
  Scratch const scratch{"surroundings"};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto program = shell(
      "pwd; echo $COLOUR; echo \"$0\"; echo \"$1\"; env | grep -E '^(PMIX_RANK|PMIX_SERVER|PMI_|OMPI_COMM)'; true");
  program.command.insert(program.command.end(), {"a  b", "$HOME *"});
  program.directory = (scratch.path / "new" / "deep").string();
  program.make_directory = true;
  program.environment = {{"COLOUR", "dark green"}};
  auto const exit = pool.run(program).result();
  auto const directory = std::filesystem::canonical(scratch.path / "new" / "deep").string();
  CHECK(exit.output == fmt::format("{}\ndark green\na  b\n$HOME *\n", directory));
}

TEST_CASE("the fields of a program are filled in where it asks for that") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  farm::Program program{.command = {"echo", "{task}.{attempt}.{ranks} {{x}}"}, .capture = 100, .mpi = false};
  CHECK(pool.run(program).result().output == "{task}.{attempt}.{ranks} {{x}}\n");
  program.fields = true;
  CHECK(pool.run(program).result().output == "1.1.1 {x}\n");
  program.command[1] = "{tasks}";
  CHECK_THAT(error_of<farm::UsageError>([&] { pool.run(program).result(); }),
             contains("unknown field 'tasks': did you mean 'task'?"));
}

TEST_CASE("a program that fails runs again as often as its retries say") {
  Scratch const scratch{"retries"};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto program = shell(fmt::format("echo {{attempt}} >>'{}/log'; test {{attempt}} = 3", scratch.path.string()));
  program.fields = true;
  CHECK(pool.run(farm::TaskOptions{.retries = 5}, program).result().ok());
  CHECK(content(scratch.path / "log") == "1\n2\n3\n");
}

TEST_CASE("a program that cannot be started fails its task with one line that says why") {
  Scratch const scratch{"failures"};
  auto const file = [&](std::string const& name) { return (scratch.path / name).string(); };
  std::ofstream{file("solver")} << "#!/bin/sh\n";
  std::ofstream{file("plain")} << "no program\n";
  std::ofstream{file("script")} << "#!/no/such/interpreter\n";
  for (auto const* const name : {"solver", "script"}) {
    std::filesystem::permissions(file(name), std::filesystem::perms::owner_all);
  }
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const why = [&](farm::Program program) {
    program.mpi = false;
    return error_of<farm::UsageError>([&] { pool.run(program).result(); });
  };
  CHECK_THAT(why({.command = {"./solvr"}, .directory = scratch.path.string()}),
             contains("did you mean " + file("solver") + "?"));
  CHECK_THAT(why({.command = {"solver"}, .directory = scratch.path.string()}), contains("did you mean ./solver?"));
  CHECK_THAT(why({.command = {file("plain")}}), contains("is not executable (chmod +x "));
  std::filesystem::permissions(file("plain"), std::filesystem::perms::owner_all);
  CHECK_THAT(why({.command = {file("plain")}}), contains("is no program for this machine (Exec format error)"));
  CHECK_THAT(why({.command = {file("script")}}), contains("its interpreter or loader is not there"));
  CHECK_THAT(why({.command = {scratch.path.string()}}), contains("is a directory, not a program"));
  CHECK_THAT(why({.command = {"true"}, .directory = file("nowhere")}), contains("cannot be entered: No such file"));
  CHECK_THAT(why({.command = {"true"}, .directory = file("plain/x"), .make_directory = true}),
             contains("cannot be made: Not a directory"));
  CHECK_THAT(why({.command = {"true"}, .output_file = file("nowhere/out")}),
             contains("cannot be written: No such file"));
  CHECK_THAT(why({.command = {"true"}, .input_file = file("nowhere/in")}), contains("cannot be read: No such file"));
  CHECK_THAT(error_of<farm::UsageError>([&] { pool.run(farm::Program{}); }), contains("needs a command"));
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("ranks that wait for a program take no processor time", "[spawned]") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const used = [&] {
    auto const times = pool.submit(farm::all_ranks,
                                   [] {
                                     rusage usage{};
                                     getrusage(RUSAGE_SELF, &usage);
                                     return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                                            static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
                                   })
                           .result();
    return times[0] + times[1];
  };
  pool.run(shell("true")).result();
  auto const before = used();
  std::vector<farm::Future<farm::Exit>> programs;
  std::vector<farm::Future<int>> functions;
  for (int i = 0; i < 3; ++i) {  // functions between programs: their collectives must not wait for a program
    programs.push_back(pool.run(shell("sleep 0.5")));
    functions.push_back(pool.submit(sum_of_ranks));
  }
  for (auto const& each : programs) each.result();
  for (auto const& each : functions) CHECK(each.result() == 1);
  CHECK(used() - before < 0.3);
}
