// What one task leaves on its ranks, and that the next task does not find it: messages, communicators, the state of the
// process, the standard input, and output files.
#include <farm/farm.hpp>

#include "core/base/descriptor.hpp"
#include "core/base/host_name.hpp"
#include "tests/spawn/captured.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/plain_comm.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cfenv>
#include <chrono>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

using namespace std::chrono_literals;

namespace {

farm::TaskOptions limited() { return {.timeout = 30s}; }

// Messages

/// Rank 0 sends messages to the last rank, which does not receive them.
int leave_messages(int count, farm::Comm const& comm) {
  static int const value = -1;
  for (int i = 0; i < count; ++i) {
    MPI_Request request = MPI_REQUEST_NULL;
    if (comm.rank() == 0) MPI_Isend(&value, 1, MPI_INT, comm.size() - 1, 7, comm, &request);
    if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
  }
  return 0;
}

/// The last rank begins to receive, and nothing comes.
int leave_receive(farm::Comm const& comm) {
  static std::array<int, 1000> buffers;
  static std::size_t next = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  if (comm.rank() == comm.size() - 1) MPI_Irecv(&buffers.at(next++), 1, MPI_INT, 0, 7, comm, &request);
  return 0;
}

/// Leaves a message in a duplicate, which the last rank frees before the message comes.
int leave_in_duplicate(farm::Comm const& comm) {
  static int const value = -1;
  auto const own = comm.duplicate();
  MPI_Request request = MPI_REQUEST_NULL;
  if (comm.rank() == 0) MPI_Isend(&value, 1, MPI_INT, comm.size() - 1, 7, own, &request);
  if (request != MPI_REQUEST_NULL) MPI_Request_free(&request);
  return 0;
}

/// Sends `value` from rank 0 to the last rank, and returns what the last rank receives.
int exchange(int value, bool any, farm::Comm const& comm) {
  int got = 0;
  MPI_Request request = MPI_REQUEST_NULL;
  int const last = comm.size() - 1;
  if (comm.rank() == 0) MPI_Isend(&value, 1, MPI_INT, last, 7, comm, &request);
  if (comm.rank() == last) {
    MPI_Recv(&got, 1, MPI_INT, any ? MPI_ANY_SOURCE : 0, any ? MPI_ANY_TAG : 7, comm, MPI_STATUS_IGNORE);
  }
  if (request != MPI_REQUEST_NULL) MPI_Wait(&request, MPI_STATUS_IGNORE);
  MPI_Bcast(&got, 1, MPI_INT, last, comm);
  return got;
}

/// The same with the communicator as MPI's own type.
int exchange_plain(int value, PlainComm comm) { return exchange(value, true, farm::Comm::borrow(comm)); }
int leave_message_plain(PlainComm comm) { return leave_messages(1, farm::Comm::borrow(comm)); }

int size_only(farm::Comm const& comm) { return comm.size(); }

// Communicators

int leak(int count, farm::Comm const& comm) {
  for (int i = 0; i < count; ++i) {
    MPI_Comm copy = MPI_COMM_NULL;
    MPI_Comm_dup(comm, &copy);
  }
  return 0;
}

/// Leaks without the task's communicator.
int leak_self(int count) {
  for (int i = 0; i < count; ++i) {
    MPI_Comm copy = MPI_COMM_NULL;
    MPI_Comm_dup(MPI_COMM_SELF, &copy);
  }
  return 0;
}

/// Leaves what MPI makes of a communicator, and requests that nobody completes.
int leave_all_kinds(farm::Comm const& comm) {
  static std::array<int, 100> memory;
  static std::vector<int> const large(1 << 18);
  leak(3, comm);
  MPI_Comm part = MPI_COMM_NULL;
  MPI_Comm_split(comm, comm.rank(), 0, &part);
  MPI_Win window = MPI_WIN_NULL;
  MPI_Win_create(memory.data(), sizeof memory, 1, MPI_INFO_NULL, comm, &window);
  MPI_Request request = MPI_REQUEST_NULL;
  if (comm.rank() == 0)
    MPI_Isend(large.data(), static_cast<int>(large.size()), MPI_INT, comm.size() - 1, 7, comm, &request);
  MPI_Request persistent = MPI_REQUEST_NULL;
  MPI_Recv_init(memory.data(), 1, MPI_INT, MPI_ANY_SOURCE, MPI_ANY_TAG, comm, &persistent);
  if (comm.rank() == 0) MPI_Start(&persistent);
  MPI_Request collective = MPI_REQUEST_NULL;
  if (comm.rank() == 0) MPI_Ibarrier(comm, &collective);
  return 0;
}

int use_duplicate(farm::Comm const& comm) {
  auto const copy = comm.duplicate();
  int one = 1;
  MPI_Allreduce(MPI_IN_PLACE, &one, 1, MPI_INT, MPI_SUM, copy);
  return one;
}

// The state of the process

void on_alarm(int /*signal*/) {}

/// Returns the state of the process that tasks see, as text.
std::vector<std::string> state() {
  std::vector<std::string> all;
  std::error_code error;
  all.push_back("directory " + std::filesystem::current_path(error).string());
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    if (std::string_view{*entry}.starts_with("FARM_TEST_")) all.emplace_back(*entry);
  }
  std::sort(all.begin() + 1, all.end());  // an environment is a set: which variable comes first means nothing
  char const* const home = getenv("HOME");
  all.push_back(fmt::format("HOME {}", home != nullptr ? home : "(unset)"));
  auto const mask = umask(0);
  umask(mask);
  all.push_back(fmt::format("umask {:o}", mask));
  for (int signal = 1; signal < 32; ++signal) {
    struct sigaction action {};
    sigaction(signal, nullptr, &action);
    all.push_back(fmt::format("signal {}: {:x} {:x}", signal, reinterpret_cast<std::uintptr_t>(action.sa_handler),
                              action.sa_flags & ~0x04000000));  // without SA_RESTORER
  }
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  all.push_back(fmt::format("SIGUSR1 blocked {}, SIGTERM blocked {}", sigismember(&blocked, SIGUSR1),
                            sigismember(&blocked, SIGTERM)));
  itimerval timer{};
  getitimer(ITIMER_REAL, &timer);
  all.push_back(fmt::format("timer {}", timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0));
  all.push_back(fmt::format("rounding {}, traps {}", std::fegetround(), fegetexcept()));
  double volatile const tiny = 1e-310;
  all.push_back(fmt::format("denormals {}", tiny * 0.5 != 0));
  all.push_back(fmt::format("locale {} {}", std::setlocale(LC_ALL, nullptr), std::locale{}.name()));
  all.push_back(fmt::format("thread locale {}", uselocale(nullptr) == LC_GLOBAL_LOCALE));
  for (auto* const stream : std::initializer_list<std::ios*>{&std::cout, &std::cerr, &std::cin}) {
    all.push_back(fmt::format("stream {} {} {} {} {} {} {}", static_cast<int>(stream->flags()), stream->precision(),
                              stream->width(), stream->fill(), static_cast<int>(stream->rdstate()),
                              static_cast<int>(stream->exceptions()), stream->getloc().name()));
    all.push_back(fmt::format("buffer {} {}", static_cast<void*>(stream->rdbuf()), static_cast<void*>(stream->tie())));
  }
  all.push_back(fmt::format("stdin {} {}", std::feof(stdin), std::ferror(stdin)));
  for (int descriptor = 0; descriptor < 3; ++descriptor) {
    struct stat file {};
    all.push_back(fstat(descriptor, &file) != 0 ? "closed" : fmt::format("file {} {}", file.st_dev, file.st_ino));
  }
  all.push_back(fmt::format("wide {} {}", std::fwide(stdout, 0) > 0, std::fwide(stderr, 0) > 0));
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  all.push_back(fmt::format("files {} {}", limit.rlim_cur, limit.rlim_max));
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  all.push_back(fmt::format("cores {}", CPU_COUNT(&cores)));
  return all;
}

/// Changes all that state() returns.
int change_all(std::string const& scratch) {
  std::filesystem::current_path(scratch);
  setenv("FARM_TEST_NEW", "1", 1);
  setenv("HOME", "/elsewhere", 1);
  unsetenv("FARM_TEST_GIVEN");
  umask(0135);
  std::signal(SIGTERM, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = on_alarm;
  sigaction(SIGUSR2, &action, nullptr);
  std::signal(SIGALRM, on_alarm);
  sigset_t some;
  sigemptyset(&some);
  sigaddset(&some, SIGUSR1);
  sigprocmask(SIG_BLOCK, &some, nullptr);
  sigemptyset(&some);
  sigaddset(&some, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &some, nullptr);
  alarm(100);
  std::fesetround(FE_UPWARD);
  feenableexcept(FE_DIVBYZERO);
#if defined(__x86_64__)
  unsigned control = 0;
  asm volatile("stmxcsr %0" : "=m"(control));
  control |= 0x8040U;  // denormals are zero
  asm volatile("ldmxcsr %0" : : "m"(control));
#endif
  struct Comma final : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
  };
  std::locale const comma{std::locale{}, new Comma};
  std::locale::global(comma);
  std::setlocale(LC_ALL, "C.UTF-8");
  uselocale(newlocale(LC_ALL_MASK, "C", nullptr));
  for (auto* const stream : std::initializer_list<std::ios*>{&std::cout, &std::cerr, &std::cin}) {
    stream->flags(std::ios::hex | std::ios::showbase | std::ios::fixed);
    stream->precision(2);
    stream->width(30);
    stream->fill('#');
    stream->imbue(comma);
    stream->tie(&std::clog);
    stream->exceptions(std::ios::badbit);
  }
  std::string line;
  std::getline(std::cin, line);
  std::getchar();
  std::stringbuf local;
  std::cout.rdbuf(&local);
  std::cerr.rdbuf(&local);
  std::cout << "into the buffer";
  int const file = open("/dev/zero", O_RDWR);
  dup2(file, STDIN_FILENO);
  dup2(file, STDERR_FILENO);
  close(file);
  return std::freopen("/dev/null", "w", stdout) != nullptr ? 0 : 1;
}

/// Restricts this thread to one core, and this process to a few files.
void restrict_process() {
  cpu_set_t cores;
  sched_getaffinity(0, sizeof cores, &cores);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &cores)) ++first;
  CPU_ZERO(&cores);
  CPU_SET(first, &cores);
  sched_setaffinity(0, sizeof cores, &cores);
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = 20;
  setrlimit(RLIMIT_NOFILE, &limit);
}

/// What a task changes by other functions of the same kind.
int change_more(std::string const& scratch) {
  int const directory = open(scratch.c_str(), O_RDONLY | O_DIRECTORY);
  int const status = fchdir(directory);
  close(directory);
  static std::string entry = "FARM_TEST_PUT=1";
  putenv(entry.data());
  clearenv();
  std::wcout << L"wide characters\n" << std::flush;
  std::wcerr << L"";
  close(STDIN_FILENO);
  std::fclose(stdout);
  restrict_process();
  itimerval const soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 50'000}};
  setitimer(ITIMER_REAL, &soon, nullptr);
  std::cout.setstate(std::ios::badbit);
  return status;
}

/// Starts a timer whose signal kills, and prints by all streams, which fails if one of them is not as it was.
int start_timer_and_print() {
  ualarm(50'000, 0);
  std::cout << "C++\n" << std::flush;
  std::cerr << "C++\n";
  bool const printed = std::printf("C\n") > 0 && std::fprintf(stderr, "C\n") > 0 && std::fflush(stdout) == 0;
  return printed && std::cout.good() && std::cerr.good() ? 0 : 1;
}

/// Returns what differs, as text.
std::string differences(std::vector<std::string> const& before, std::vector<std::string> const& after) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    std::string const a = i < before.size() ? before[i] : "";
    std::string const b = i < after.size() ? after[i] : "";
    if (a != b) all.push_back(fmt::format("\"{}\" became \"{}\"", a, b));
  }
  return fmt::format("{}", fmt::join(all, "; "));
}

/// Leaves out what differs from process to process in any case: addresses and pipes.
std::vector<std::string> of_any_process(std::vector<std::string> all) {
  std::erase_if(all, [](std::string const& each) {
    return each.starts_with("buffer") || each.starts_with("file") || each.starts_with("signal");
  });
  return all;
}

// Output files

std::string content(std::filesystem::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void print(std::string const& text) { fmt::print("{}\n", text); }

std::vector<std::string> names_in(std::filesystem::path const& path) {
  std::vector<std::string> names;
  for (auto const& entry : std::filesystem::directory_iterator{path}) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string read_line() {
  std::string line;
  return std::getline(std::cin, line) ? "read " + line : "end of file";
}

int read_character() { return std::getchar(); }

}  // namespace

TEST_CASE("messages that a task leaves reach no other task") {
  int const ranks = GENERATE(2, 3);
  int const count = GENERATE(1, 40);
  bool const any = GENERATE(true, false);
  CAPTURE(ranks, count, any);
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  for (int i = 0; i < 5; ++i) {
    pool.submit(limited(), leave_messages, count).result();
    CHECK(pool.submit(limited(), exchange, i + 1, any).result() == i + 1);
  }
  pool.submit(limited(), leave_message_plain).result();
  CHECK(pool.submit(limited(), exchange_plain, 11).result() == 11);
}

TEST_CASE("receives that a task leaves pending take no other task's messages", "[open_mpi]") {
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  for (int i = 0; i < 40; ++i) {
    pool.submit(limited(), leave_receive).result();
    CHECK(pool.submit(limited(), exchange, i + 1, false).result() == i + 1);
  }
}

TEST_CASE("a message that comes when its communicator is freed reaches no other task") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  for (int i = 0; i < 20; ++i) {
    pool.submit(limited(), leave_in_duplicate).result();
    CHECK(pool.submit(limited(), exchange, i + 1, true).result() == i + 1);
  }
}

TEST_CASE("tasks that are sent ahead get no messages of those before them") {
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  for (int i = 0; i < 200; ++i) pool.submit(limited(), size_only).result();  // now the tasks are known to be short
  std::vector<farm::Future<int>> results;
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) results.push_back(pool.submit(leave_messages, 1));
    if (i % 2 == 1) results.push_back(pool.submit(exchange, i, true));
  }
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    CHECK(results[static_cast<std::size_t>(i)].result() == (i % 2 == 0 ? 0 : i));
  }
}

TEST_CASE("messages that a rank sends to itself reach no other task of a group of one rank") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  for (int i = 0; i < 10; ++i) {
    pool.submit(leave_messages, 3).result();
    CHECK(pool.submit(limited(), exchange, i + 1, true).result() == i + 1);
  }
}

TEST_CASE("what tasks leave of windows, requests and collectives reaches no other task") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  for (int i = 0; i < 5; ++i) {
    pool.submit(limited(), leave_all_kinds).result();
    CHECK(pool.submit(limited(), exchange, i + 1, true).result() == i + 1);
    CHECK(pool.submit(limited(), use_duplicate).result() == 2);
  }
}

TEST_CASE("an initializer's communicator is its own") {
  farm::MPISpawnPool pool{{.max_ranks = 2,
                           .ranks_per_task = 2,
                           .initializer = farm::initializer([](farm::Comm const& comm) { leave_messages(2, comm); })}};
  CHECK(pool.submit(limited(), exchange, 5, true).result() == 5);
}

TEST_CASE("a group whose tasks leak communicators is replaced before MPI has none left", "[spawned]") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  for (int i = 0; i < 12; ++i) CHECK(pool.submit(limited(), leak, 1000).result() == 0);
  CHECK(pool.submit(limited(), use_duplicate).result() == 2);
  CHECK(pool.statistics().groups >= 3);
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("communicators that were leaked without the task's communicator are noticed, too", "[spawned]") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  for (int i = 0; i < 100; ++i) CHECK(pool.submit(limited(), leak_self, 1000).result() == 0);
  CHECK(pool.statistics().groups >= 3);
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE("a task that uses up all communicators fails alone", "[open_mpi]") {
  int const ranks = GENERATE(1, 2);
  CAPTURE(ranks);
  farm::MPISpawnPool pool{{.max_ranks = ranks, .ranks_per_task = ranks}};
  // each communicator takes the ranks several messages, and so long on a busy machine
  CHECK_THROWS_AS(pool.submit(farm::TaskOptions{.timeout = 200s}, leak, 70'000).result(), farm::TaskError);
  for (int i = 0; i < 5; ++i) CHECK(pool.submit(limited(), use_duplicate).result() == ranks);
  pool.shutdown();
  farm::MPISpawnPool next{{.max_ranks = ranks, .ranks_per_task = ranks}};
  CHECK(next.submit(limited(), use_duplicate).result() == ranks);
}

TEST_CASE("a task that finalizes or initializes MPI fails, and the group goes on") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const finalize = error_of<farm::TaskError>([&] { pool.submit(limited(), [] { MPI_Finalize(); }).result(); });
  CHECK_THAT(finalize, contains("MPI_Finalize was called") && contains("the farm initializes and finalizes MPI"));
  auto const initialize =
      error_of<farm::TaskError>([&] { pool.submit(limited(), [] { MPI_Init(nullptr, nullptr); }).result(); });
  CHECK_THAT(initialize, contains("MPI_Init was called"));
  auto const with_threads = error_of<farm::TaskError>([&] {
    pool.submit(limited(),
                [] {
                  int provided = 0;
                  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_MULTIPLE, &provided);
                  if (provided != MPI_THREAD_MULTIPLE) throw std::logic_error("the level is another");
                })
        .result();
  });
  CHECK_THAT(with_threads, contains("MPI_Init_thread was called"));
  auto const own = error_of<std::domain_error>([&] {
    pool.submit(limited(),
                [] {
                  MPI_Finalize();
                  throw std::domain_error("the task's own error");
                })
        .result();
  });
  CHECK_THAT(own, contains("the task's own error"));
  CHECK(pool.submit(limited(), use_duplicate).result() == 2);
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("an initializer that finalizes MPI fails") {
  farm::MPISpawnPool pool{{.max_ranks = 1, .initializer = farm::initializer([] { MPI_Finalize(); })}};
  CHECK_THAT(error_of<farm::BrokenExecutor>([&] { pool.submit(size_only).result(); }),
             contains("MPI_Finalize was called"));
}

TEST_CASE("a task finds its process as the tasks before it found it") {
  Scratch const scratch{"isolation"};
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.environment = {{"FARM_TEST_GIVEN", "1"}}}}};
  auto const before = pool.submit(state).result();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pool.submit(change_all, scratch.path.string()).result() == 0);
    CHECK(differences(before, pool.submit(state).result()) == "");
    REQUIRE(pool.submit(change_more, scratch.path.string()).result() == 0);
    CHECK(pool.submit([] {
                usleep(100'000);
                return 1;
              })
              .result() == 1);  // no timer ends the rank
    CHECK(differences(before, pool.submit(state).result()) == "");
    CHECK(pool.submit(start_timer_and_print).result() == 0);
    usleep(100'000);
  }
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("a task that fails leaves its process as it was, too") {
  Scratch const scratch{"isolation-failed"};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const before = pool.submit(state).result();
  auto const fail = [](std::string const& directory) {
    change_all(directory);
    throw std::runtime_error("failed");
  };
  CHECK_THROWS_AS(pool.submit(fail, scratch.path.string()).result(), farm::TaskError);
  CHECK(differences(before, pool.submit(state).result()) == "");
}

TEST_CASE("what a pool's tasks and initializer change is gone in the next pool") {
  Scratch const scratch{"isolation-pools"};
  std::vector<std::string> before;
  {
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    before = pool.submit(state).result();
    pool.submit(change_all, scratch.path.string()).result();
  }
  {
    farm::MPISpawnPool pool{{.max_ranks = 1,
                             .initializer = farm::initializer(
                                 [](std::string const& directory) {
                                   std::filesystem::current_path(directory);
                                   setenv("FARM_TEST_BY_INITIALIZER", "1", 1);
                                   umask(0111);
                                 },
                                 scratch.path.string())}};
    auto const changed = pool.submit(state).result();
    CHECK_THAT(differences(before, changed),
               contains("directory") && contains("FARM_TEST_BY_INITIALIZER") &&
                   contains("umask"));  // what an initializer changes stays for the tasks of its pool
    pool.submit(change_all, "/").result();
    CHECK(differences(changed, pool.submit(state).result()) == "");
  }
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  CHECK(differences(of_any_process(before), of_any_process(pool.submit(state).result())) == "");
}

TEST_CASE("a working directory that was removed meanwhile is entered again") {
  Scratch const scratch{"isolation-moved"};
  auto const directory = scratch.path / "first";
  std::filesystem::create_directory(directory);
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.working_directory = directory.string()}}};
  auto const leave_and_move = [](std::string const& from, std::string const& to) {
    std::filesystem::current_path("/");
    std::filesystem::rename(from, to);
  };
  pool.submit(leave_and_move, directory.string(), (scratch.path / "second").string()).result();
  CHECK(pool.submit([] { return std::filesystem::current_path().filename().string(); }).result() == "second");
}

TEST_CASE("standard input is empty for tasks, each time that they read it") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  for (int i = 0; i < 2; ++i) {
    CHECK(pool.submit(farm::all_ranks, read_line).result() == std::vector<std::string>(2, "end of file"));
    CHECK(pool.submit(farm::all_ranks, read_character).result() == std::vector{EOF, EOF});
  }
}

TEST_CASE("a later run replaces the output files of an earlier one") {
  Scratch const scratch{"isolation-output"};
  for (auto const* const name : {"task-0.rank-0.txt", "task-0.attempt-2.rank-0.txt", "task-0.attempt-3.rank-0.txt"}) {
    std::ofstream{scratch.path / name} << "of an earlier run\n";
  }
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.output_directory = scratch.path.string()}}};
  pool.submit(print, "new").result();
  CHECK(content(scratch.path / "task-0.rank-0.txt") == "new\n");
  CHECK(names_in(scratch.path) == std::vector<std::string>{"task-0.rank-0.txt"});
}

TEST_CASE("runs that write to one output directory at the same time have files of their own") {
  Scratch const scratch{"isolation-runs-output"};
  farm::detail::Descriptor const other{open(scratch.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  REQUIRE(flock(other.get(), LOCK_EX | LOCK_NB) == 0);  // as another run does
  farm::MPISpawnPool pool{{.max_ranks = 1, .workers = {.output_directory = scratch.path.string()}}};
  pool.submit(print, "this run").result();
  auto const name = fmt::format("run-{}-{}.task-0.rank-0.txt", farm::detail::host_name(), getpid());
  CHECK(names_in(scratch.path) == std::vector<std::string>{name});
  CHECK(content(scratch.path / name) == "this run\n");
}

TEST_CASE("pools with one output directory have files of their own") {
  Scratch const scratch{"isolation-pools-output"};
  auto const same = (scratch.path / "sub" / ".." / ".").string();
  std::filesystem::create_directory(scratch.path / "sub");
  farm::MPISpawnPool a{{.max_ranks = 1, .workers = {.output_directory = scratch.path.string()}}};
  farm::MPISpawnPool b{{.max_ranks = 1, .workers = {.output_directory = same}}};
  a.submit(print, "a").result();
  b.submit(print, "b").result();
  a.submit(print, "a again").result();
  CHECK(content(scratch.path / "task-0.rank-0.txt") == "a\n");
  CHECK(content(scratch.path / "task-1.rank-0.txt") == "a again\n");
  CHECK(content(scratch.path / "pool-2.task-0.rank-0.txt") == "b\n");
}

TEST_CASE("each attempt of a task has an output file, and so has the initializer") {
  Scratch const scratch{"isolation-attempts"};
  farm::MPISpawnPool pool{{.max_ranks = 1,
                           .initializer = farm::initializer([] { fmt::print("initializer\n"); }),
                           .workers = {.output_directory = scratch.path.string()}}};
  auto const fail_first = [](farm::TaskContext const& context) {
    fmt::print("attempt {}\n", context.attempt());
    if (context.attempt() == 1) throw std::runtime_error("once more");
  };
  pool.submit(farm::TaskOptions{.retries = 1}, fail_first).result();
  pool.shutdown();
  CHECK(content(scratch.path / "task-0.rank-0.txt") == "attempt 1\n");
  CHECK(content(scratch.path / "task-0.attempt-2.rank-0.txt") == "attempt 2\n");
  auto const names = names_in(scratch.path);
  REQUIRE(names.size() == 3);
  CHECK_THAT(names[0], contains("initializer.group-") && contains(".rank-0.txt"));
  CHECK(content(scratch.path / names[0]) == "initializer\n");
}
