// Tasks that are stopped while they run, that run again, and that report progress and log.
#include <farm/farm.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <unistd.h>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

using namespace std::chrono_literals;

namespace {

int add_one(int i) { return i + 1; }

int process_of_rank_0() { return getpid(); }

/// Creates a file that says that the task has got this far.
class Mark {
 public:
  Mark()
      : path_(std::filesystem::temp_directory_path() /
              ("farm-mark-" + std::to_string(getpid()) + "-" + std::to_string(next_++))) {}
  ~Mark() { std::filesystem::remove(path_); }
  Mark(Mark const&) = delete;
  Mark& operator=(Mark const&) = delete;
  [[nodiscard]] std::string path() const { return path_.string(); }
  void wait() const {
    while (!std::filesystem::exists(path_)) std::this_thread::yield();
  }

 private:
  static inline int next_ = 0;
  std::filesystem::path path_;
};

void set_mark(std::string const& path) { std::ofstream{path} << "here"; }

void loop(std::string const& mark, farm::Comm const& comm) {
  if (comm.rank() == 0) set_mark(mark);
  for (volatile bool go = true; go;) {
  }
}

/// Makes rank 0 wait for a message that no rank sends.
void wait_for_ever(std::string const& mark, farm::Comm const& comm) {
  if (comm.rank() == 0) set_mark(mark);
  int value = 0;
  MPI_Recv(&value, 1, MPI_INT, 1 - comm.rank(), 0, comm, MPI_STATUS_IGNORE);
}

void stop_itself(std::string const& mark, farm::Comm const& comm) {
  if (comm.rank() == 0) set_mark(mark);
  raise(SIGSTOP);
}

/// Stops on every rank when asked to, and reports that.
void obey(std::string const& mark, std::string const& obeyed, farm::TaskContext& context) {
  if (context.rank() == 0) set_mark(mark);
  while (!context.stop_requested()) usleep(1000);
  if (context.rank() == 0) set_mark(obeyed);
}

void take_no_notice(std::string const& mark, farm::TaskContext& context) {
  if (context.rank() == 0) set_mark(mark);
  for (;;) pause();
}

farm::TaskOptions const cancellable{.cancellable = true};

}  // namespace

TEST_CASE("a running cancellable task can be cancelled, whatever it does, and the next task runs") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .grace = 100ms}};
  auto const ends = [&](auto task) {
    Mark const mark;
    auto const future = pool.submit(cancellable, task, mark.path());
    mark.wait();
    CHECK(future.running());
    CHECK(future.cancel());
    CHECK(future.cancelled());
    CHECK_THROWS_AS(future.result(), farm::CancelledError);
    CHECK(pool.submit(add_one, 1).result() == 2);
  };
  ends(loop);
  ends(wait_for_ever);
  ends(stop_itself);
  ends(take_no_notice);
  CHECK(pool.statistics().groups == 5);
}

TEST_CASE("a task that stops when asked to keeps its group, after cancel() and after its time limit") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .grace = 60s}};
  auto const process = pool.submit(process_of_rank_0).result();
  {
    Mark const mark;
    Mark const obeyed;
    auto const future = pool.submit(cancellable, obey, mark.path(), obeyed.path());
    mark.wait();
    CHECK(future.cancel());
    obeyed.wait();
  }
  {
    Mark const mark;
    Mark const obeyed;
    auto const future = pool.submit(farm::TaskOptions{.timeout = 50ms}, obey, mark.path(), obeyed.path());
    CHECK_THAT(error_of<farm::TimeoutError>([&] { future.result(); }), contains("its limit of 0.05 s"));
    obeyed.wait();
  }
  CHECK(pool.submit(process_of_rank_0).result() == process);
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("a request to stop one task does not stop the tasks after it") {
  farm::MPISpawnPool pool{{.max_ranks = 1, .grace = 60s}};
  auto const asked = [](farm::TaskContext& context) { return context.stop_requested(); };
  for (int i = 0; i < 20; ++i) {
    Mark const mark;
    Mark const obeyed;
    auto const future = pool.submit(cancellable, obey, mark.path(), obeyed.path());
    std::vector<farm::Future<bool>> after;
    for (int k = 0; k < 5; ++k) after.push_back(pool.submit(asked));
    mark.wait();
    future.cancel();
    for (auto const& each : after) CHECK_FALSE(each.result());
  }
}

TEST_CASE("the peers of a rank that threw are asked to stop, so that the group can stay") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .grace = 60s}};
  auto const process = pool.submit(process_of_rank_0).result();
  auto const task = [](farm::TaskContext& context) {
    if (context.rank() == 1) throw std::invalid_argument("no good");
    while (!context.stop_requested()) usleep(1000);
  };
  CHECK_THROWS_AS(pool.submit(task).result(), std::invalid_argument);
  CHECK(pool.submit(process_of_rank_0).result() == process);
}

TEST_CASE("a workflow is cancelled with all that nobody else needs") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  Mark const mark;
  auto const running = pool.submit(
      farm::TaskOptions{.cancellable = true},
      [](std::string const& path) {
        set_mark(path);
        for (;;) pause();
        return 0;
      },
      mark.path());
  mark.wait();
  auto const add = [](int a, int b) { return a + b; };
  auto const shared = pool.submit(add_one, 1);
  auto const watched = pool.submit(add_one, 2);
  int seen = 0;
  watched.add_done_callback([&](farm::Future<int> const& future) { seen = future.result(); });
  auto const only_here = pool.submit(add_one, 3);
  auto const sum = pool.submit(add, shared, running);
  auto const next = pool.submit(add, watched, only_here);
  auto const report = pool.submit(add, sum, next);
  auto const other = pool.submit(add_one, shared);
  CHECK(report.cancel(farm::with_arguments));
  for (auto const& each : {report, sum, next, running, only_here}) CHECK(each.cancelled());
  CHECK(other.result() == 3);
  CHECK(shared.result() == 2);
  CHECK(watched.result() == 3);
  CHECK(seen == 3);
}

TEST_CASE("a workflow whose last task is done, or has no arguments, is cancelled like a task") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const done = pool.submit(add_one, pool.submit(add_one, 1));
  CHECK(done.result() == 3);
  CHECK_FALSE(done.cancel(farm::with_arguments));
}

TEST_CASE("a running task that is not cancellable cannot be cancelled") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  Mark const mark;
  Mark const go;
  auto const future = pool.submit(
      [](std::string const& started, std::string const& may_end) {
        set_mark(started);
        while (!std::filesystem::exists(may_end)) usleep(1000);
        return 7;
      },
      mark.path(), go.path());
  mark.wait();
  CHECK_FALSE(future.cancel());
  set_mark(go.path());
  CHECK(future.result() == 7);
}

TEST_CASE("a task that throws runs again if it has retries, and only then") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const third_time = [](farm::TaskContext& context) {
    if (context.attempt() < 3) throw std::domain_error("attempt " + std::to_string(context.attempt()));
    return context.attempt();
  };
  CHECK(pool.submit(farm::TaskOptions{.retries = 2}, third_time).result() == 3);
  CHECK_THAT(error_of([&] { pool.submit(farm::TaskOptions{.retries = 1}, third_time).result(); }),
             contains("attempt 2"));
  CHECK_THAT(error_of([&] { pool.submit(third_time).result(); }), contains("attempt 1"));
  CHECK(pool.statistics().groups == 1);
}

TEST_CASE("a task reports its progress, and its log lines name the task and the rank") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  Captured const err{2};
  Mark const go;
  auto const future = pool.submit(
      [](std::string const& may_end, farm::TaskContext& context) {
        context.set_progress(context.rank() == 0 ? 0.5 : 0.9);
        if (context.rank() == 1) context.log("half way");
        while (!std::filesystem::exists(may_end)) usleep(1000);
      },
      go.path());
  while (future.progress() == 0) std::this_thread::yield();
  CHECK(future.progress() == 0.5);
  set_mark(go.path());
  future.result();
  pool.shutdown();
  CHECK_THAT(err.text(), contains("task 0 (attempt 1), rank 1 of 2: half way"));
}
