#include "tests/service/store_support.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <csignal>
#include <cstring>
#include <random>

using namespace farm::detail;
using namespace store_test;

namespace {

/// What a child reports: a job or an end that is on disk.
struct Report {
  std::uint64_t job = 0;
  std::uint64_t task = 0;
  bool is_job = false;
};

void report(int pipe, Report const& what) {
  if (write(pipe, &what, sizeof what) != sizeof what) _exit(1);
}

/// Adds jobs and their ends, in rounds, and reports each as soon as it is acknowledged. Does not return.
[[noreturn]] void work(std::filesystem::path const& directory, int pipe) {
  constexpr std::uint64_t tasks = 300;
  try {
    Store store{directory};
    if (!store.damage().empty()) _exit(2);
    for (;;) {
      auto const job = job_of(store);
      store.add_job(job, tasks_of(tasks), [&, number = job.number](std::string const& error) {
        if (error.empty()) report(pipe, {.job = number, .is_job = true});
      });
      for (std::uint64_t i = 0; i < tasks; ++i) {
        auto const task = i * 7 % tasks;
        store.add_ends({end_of(job.number, task)},
                       [&, number = job.number, task] { report(pipe, {.job = number, .task = task}); });
      }
      if (!store.flush(60)) _exit(3);
    }
  } catch (std::exception const&) {
    _exit(4);
  }
}

/// Reads all reports up to the end of the pipe; kills the child when so many have come.
std::vector<Report> read_reports(int pipe, pid_t child, std::size_t kill_at) {
  std::vector<Report> reports;
  Report next;
  while (read(pipe, &next, sizeof next) == sizeof next) {
    reports.push_back(next);
    if (reports.size() == kill_at) kill(child, SIGKILL);
  }
  return reports;
}

}  // namespace

TEST_CASE("Whatever was acknowledged is there after a kill at any instant") {
  Scratch const scratch;
  std::mt19937 random{12345};
  std::vector<Report> all;
  for (int round = 0; round < 50; ++round) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    auto const child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
      close(ends[0]);
      work(scratch.path(), ends[1]);
    }
    close(ends[1]);
    auto const reports = read_reports(ends[0], child, 1 + random() % 500);
    close(ends[0]);
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    all.insert(all.end(), reports.begin(), reports.end());

    Store store{scratch.path()};
    REQUIRE(store.damage().empty());
    std::map<std::uint64_t, LoadedJob> jobs;
    for (auto& job : store.load()) jobs[job.job.number] = std::move(job);
    std::size_t lost = 0;
    for (auto const& what : all) {
      auto const job = jobs.find(what.job);
      auto const is_there = job != jobs.end() && job->second.states.size() == 300 &&
                            (what.is_job || job->second.states[what.task] == TaskState::finished);
      lost += is_there ? 0 : 1;
    }
    REQUIRE(lost == 0);
    for (auto const& [number, job] : jobs) REQUIRE(store.tasks(number, 299, 1).front().input == "299");
  }
  CHECK(all.size() > 1000);
}
