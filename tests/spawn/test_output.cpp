// What tasks print arrives on the stdout and stderr of the master: in whole lines, and none is lost.
#include <farm/farm.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

constexpr int lines_per_kind = 40;
constexpr int kinds = 6;

/// Returns a line that shows whether it is whole: its name, its length, that many letters, and an end mark.
std::string line(int task, int rank, int kind, int number) {
  auto const length = static_cast<std::size_t>(
      (task * 7919 + rank * 104729 + kind * 1299709 + number * number * 613) % 9000 + (number == 7 ? 200'000 : 0));
  return fmt::format("<{}.{}.{}.{} {} {}>", task, rank, kind, number, length,
                     std::string(length, static_cast<char>('a' + number % 26)));
}

void print_lines(int task, farm::Comm const& comm) {
  int const rank = comm.rank();
  for (int i = 0; i < lines_per_kind; ++i) {
    std::printf("%s\n", line(task, rank, 0, i).c_str());
    std::cout << line(task, rank, 1, i) << '\n';
    std::cout << line(task, rank, 2, i) << std::endl;
    fmt::print("{}\n", line(task, rank, 3, i));
    auto const parts = line(task, rank, 4, i);  // a line in two parts, with a flush between them
    std::fwrite(parts.data(), 1, parts.size() / 2, stdout);
    std::fflush(stdout);
    std::printf("%s\n", parts.c_str() + parts.size() / 2);
  }
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([=] {
      for (int i = t; i < lines_per_kind; i += 4) fmt::print("{}\n", line(task, rank, 5, i));
    });
  }
  for (auto& thread : threads) thread.join();
}

/// Counts how often each line arrived. Lines that are not whole count as "broken".
std::map<std::string, int> count_lines(std::string const& text) {
  std::map<std::string, int> count;
  std::istringstream stream{text};
  for (std::string each; std::getline(stream, each);) {
    int task = 0;
    int rank = 0;
    int kind = 0;
    int number = 0;
    bool const whole = std::sscanf(each.c_str(), "<%d.%d.%d.%d ", &task, &rank, &kind, &number) == 4 &&
                       each == line(task, rank, kind, number);
    ++count[whole ? each.substr(0, each.find(' ')) : "broken"];
  }
  return count;
}

long peak_memory_kib() {
  std::ifstream file{"/proc/self/status"};
  for (std::string each; std::getline(file, each);) {
    if (each.starts_with("VmHWM:")) return std::atol(each.c_str() + 6);
  }
  return 0;
}

void forget_peak_memory() { std::ofstream{"/proc/self/clear_refs"} << "5"; }

enum class End { kill, quick_exit, abort, exit };

void print_and_die(End how) {
  std::printf("printf: last output %d\n", static_cast<int>(how));
  std::cout << "cout: last output " << static_cast<int>(how) << '\n';
  std::fprintf(stderr, "stderr: last output %d\n", static_cast<int>(how));
  std::printf("without an end of line %d", static_cast<int>(how));
  std::fflush(stdout);
  switch (how) {
    case End::kill:
      kill(getpid(), SIGKILL);
      break;
    case End::quick_exit:
      _exit(3);
    case End::abort:
      std::abort();
    case End::exit:
      std::exit(4);
  }
}

/// A number in memory that two processes share.
class SharedNumber {
 public:
  explicit SharedNumber(std::string const& path) {
    int const file = open(path.c_str(), O_RDWR | O_CREAT, 0600);
    if (ftruncate(file, sizeof(std::atomic<std::int64_t>)) != 0) std::abort();
    number_ = static_cast<std::atomic<std::int64_t>*>(
        mmap(nullptr, sizeof(std::atomic<std::int64_t>), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
    close(file);
  }
  std::atomic<std::int64_t>& operator*() const { return *number_; }

 private:
  std::atomic<std::int64_t>* number_;
};

}  // namespace

TEST_CASE("lines that many ranks and threads print at once, in every way, arrive whole and none is lost") {
  constexpr int tasks = 6;
  std::string text;
  {
    Captured const captured{1};
    {
      farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
      std::vector<int> numbers(tasks);
      for (int i = 0; i < tasks; ++i) numbers[static_cast<std::size_t>(i)] = i;
      pool.map(print_lines, numbers);
    }
    text = captured.text();
  }
  auto const count = count_lines(text);
  CHECK_FALSE(count.contains("broken"));
  CHECK(count.size() == tasks * 2 * kinds * lines_per_kind);
  bool once = true;
  for (auto const& [name, times] : count) once = once && times == 1;
  CHECK(once);
}

TEST_CASE("the output of a rank that is killed, aborts or exits arrives") {
  std::string output;
  std::string errors;
  {
    Captured const captured{1};
    Captured const captured_errors{2};
    {
      farm::MPISpawnPool pool{{.max_ranks = 2, .max_losses = 1}};
      for (auto const how : {End::kill, End::quick_exit, End::abort, End::exit}) pool.submit(print_and_die, how);
    }
    output = captured.text();
    errors = captured_errors.text();
  }
  for (int how = 0; how < 4; ++how) {
    CHECK_THAT(output, contains(fmt::format("printf: last output {}\n", how)));
    CHECK_THAT(output, contains(fmt::format("cout: last output {}\n", how)));
    CHECK_THAT(output, contains(fmt::format("without an end of line {}\n", how)));
    CHECK_THAT(errors, contains(fmt::format("stderr: last output {}\n", how)));
  }
}

TEST_CASE("50 MB that a task prints do not pile up in the master") {
  constexpr std::size_t lines = 50'000;
  std::size_t arrived = 0;
  long grown = 0;
  {
    Captured const captured{1};
    farm::MPISpawnPool pool{{.max_ranks = 1}};
    pool.bootup();
    forget_peak_memory();
    auto const before = peak_memory_kib();
    pool.submit(
            [](std::size_t count) {
              std::string const text(999, 'x');
              for (std::size_t i = 0; i < count; ++i) std::printf("%s\n", text.c_str());
            },
            lines)
        .result();
    pool.shutdown();
    grown = peak_memory_kib() - before;
    arrived = captured.text().size();
  }
  CHECK(arrived == lines * 1000);
  CHECK(grown < 8 * 1024);
}

TEST_CASE("the output of a rank is not lost if it dies while nobody reads the master's output") {
  auto const path = fmt::format("farm-printed-{}", getpid());
  SharedNumber const printed{path};
  auto const file = std::filesystem::absolute(path).string();
  int pipe_ends[2];
  REQUIRE(pipe2(pipe_ends, O_CLOEXEC) == 0);
  std::fflush(stdout);
  int const saved = dup(1);
  std::string text;
  {
    farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 1}};
    auto const rank = pool.submit(getpid).result();
    dup2(pipe_ends[1], 1);
    close(pipe_ends[1]);
    auto const future = pool.submit(
        [](std::string const& name) {
          SharedNumber const count{name};
          for (;; ++*count) std::printf("line %06ld%s\n", static_cast<long>(*count), std::string(988, '.').c_str());
        },
        file);
    // until every buffer between the rank and the pipe is full
    for (std::int64_t last = -1; last != *printed || last == 0; std::this_thread::sleep_for(200ms)) last = *printed;
    kill(rank, SIGKILL);
    while (kill(rank, 0) == 0) std::this_thread::yield();
    std::this_thread::sleep_for(600ms);  // longer than its guard waits for further output
    std::jthread const reader{[&] {
      std::vector<char> buffer(1 << 16U);
      for (ssize_t count = 0; (count = read(pipe_ends[0], buffer.data(), buffer.size())) > 0;) {
        text.append(buffer.data(), static_cast<std::size_t>(count));
      }
    }};
    pool.shutdown();
    std::fflush(stdout);
    dup2(saved, 1);  // closes the pipe
  }
  close(saved);
  close(pipe_ends[0]);
  std::remove(path.c_str());
  std::int64_t whole = 0;
  std::istringstream stream{text};
  for (std::string each; std::getline(stream, each);) {
    if (each != fmt::format("line {:06}{}", whole, std::string(988, '.'))) break;
    ++whole;
  }
  CHECK(*printed > 1000);
  CHECK(*printed < 20'000);  // lines of 1 kB: the buffers on the way are bounded
  CHECK(whole >= *printed);
}
