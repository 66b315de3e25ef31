// Exceptions and deaths in tasks: what they cost, and which error the caller gets.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/picky.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;

namespace {

int add_one(int i) { return i + 1; }

int throw_on_rank(int rank, farm::Comm const& comm) {
  if (comm.rank() == rank) throw std::invalid_argument("no good");
  return 0;
}

/// Throws on one rank while the other ranks wait for it.
int throw_beside_a_collective(int rank, farm::Comm const& comm) {
  if (comm.rank() == rank) throw std::out_of_range("too far");
  MPI_Barrier(comm);
  return 0;
}

struct Odd : std::domain_error {
  using domain_error::domain_error;
};

enum class Death { kill, segv, term, stop_and_kill, exit, quick_exit, abort, mpi_abort };

void die(Death how) {
  switch (how) {
    case Death::kill:
      kill(getpid(), SIGKILL);
      break;
    case Death::segv:
      kill(getpid(), SIGSEGV);
      break;
    case Death::term:
      kill(getpid(), SIGTERM);
      break;
    case Death::exit:
      std::exit(3);
    case Death::quick_exit:
      _exit(4);
    case Death::abort:
      std::abort();
    case Death::mpi_abort:
      MPI_Abort(MPI_COMM_WORLD, 5);
      break;
    default:
      break;
  }
}

int die_on_rank(int rank, Death how, farm::Comm const& comm) {
  if (comm.rank() == rank) die(how);
  MPI_Barrier(comm);
  return 0;
}

/// Appends a byte to the file each time that it runs.
int leave_a_mark(int i, std::string const& file, farm::TaskContext const& context) {
  int const descriptor = open(file.c_str(), O_WRONLY | O_APPEND);
  if (write(descriptor, "x", 1) != 1) throw std::runtime_error("no mark");
  close(descriptor);
  if (i == 100 && context.attempt() == 1) die(Death::kill);
  return i;
}

}  // namespace

TEST_CASE("tasks that a rank answered before it died do not run again") {
  auto const marks = std::filesystem::absolute("marks").string();
  std::ofstream{marks};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 200; ++i) futures.push_back(pool.submit(leave_a_mark, i, marks));
  for (int i = 0; i < 200; ++i) CHECK(futures[static_cast<std::size_t>(i)].result() == i);
  CHECK(std::filesystem::file_size(marks) == 201);
}

TEST_CASE("a rank that dies while its guard is stopped is lost after some seconds") {
  auto const guard = std::filesystem::absolute("guard").string();
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const die_unseen = [](std::string const& file, farm::TaskContext const& context) {
    if (context.attempt() == 1) {
      std::ofstream{file} << getppid();
      kill(getppid(), SIGSTOP);
      die(Death::kill);
    }
    return context.attempt();
  };
  CHECK(pool.submit(die_unseen, guard).result(60s) == 2);
  pid_t process = 0;
  std::ifstream{guard} >> process;
  REQUIRE(process > 0);
  kill(process, SIGCONT);
}

TEST_CASE("an exception from any rank reaches the caller as the same standard type, and as TaskError") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  for (int const rank : {0, 1}) {
    auto const future = pool.submit(throw_on_rank, rank);
    CHECK_THROWS_AS(future.result(), std::invalid_argument);
    CHECK_THROWS_AS(future.result(), std::exception);
    CHECK_THROWS_AS(future.result(), farm::Error);
    try {
      future.result();
    } catch (farm::TaskError const& e) {
      CHECK(e.rank() == rank);
      CHECK(e.ranks() == 2);
      CHECK(e.task() == static_cast<std::uint64_t>(rank));
      CHECK(e.type() == "std::invalid_argument");
      CHECK(e.text() == "no good");
      CHECK_FALSE(e.host().empty());
    }
  }
  CHECK_THROWS_AS(pool.submit([](int) { throw Odd{"odd"}; }, 1).result(), std::domain_error);
  CHECK_THROWS_AS(pool.submit([](int) { throw 42; }, 1).result(), farm::TaskError);
  CHECK(pool.submit(add_one, 1).result() == 2);
}

TEST_CASE("nothing hangs if a rank throws while its peers wait in a collective") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .grace = 50ms}};
  for (int const rank : {0, 1, 0})
    CHECK_THROWS_AS(pool.submit(throw_beside_a_collective, rank).result(), std::out_of_range);
  CHECK(pool.submit(add_one, 1).result() == 2);
  CHECK(pool.statistics().groups_lost == 0);
}

TEST_CASE(
    "a rank sends its answer before it starts the next task, even if that task waits for peers in the task before") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .grace = 20ms}};
  auto const together = [](farm::Comm const& comm) { comm.barrier(); };
  for (int round = 0; round < 5; ++round) {
    std::vector<farm::Future<int>> short_ones;  // so that many tasks are sent ahead
    for (int i = 0; i < 200; ++i) short_ones.push_back(pool.submit(add_one, i));
    auto const bad = pool.submit(throw_beside_a_collective, 1);
    std::vector<farm::Future<void>> after;
    for (int i = 0; i < 200; ++i) after.push_back(pool.submit(together));
    CHECK_THROWS_AS(bad.result(30s), std::out_of_range);
    for (auto const& each : after) each.result();
  }
}

TEST_CASE("messages that a task left behind when it threw do not reach the next task") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const leave_message = [](farm::Comm const& comm) {
    int const wrong = -1;
    if (comm.rank() == 0) MPI_Send(&wrong, 1, MPI_INT, 1, 0, comm);
    throw std::runtime_error("after sending");
  };
  auto const receive = [](farm::Comm const& comm) {
    int value = 7;
    if (comm.rank() == 0) MPI_Send(&value, 1, MPI_INT, 1, 0, comm);
    if (comm.rank() == 1) MPI_Recv(&value, 1, MPI_INT, 0, 0, comm, MPI_STATUS_IGNORE);
    return value;
  };
  pool.bootup();
  auto const pids = pool.submit(farm::all_ranks, [] { return getpid(); }).result();
  CHECK_THROWS(pool.submit(leave_message).result());
  CHECK(pool.submit(farm::all_ranks, receive).result() == std::vector{7, 7});
  CHECK(pool.submit(farm::all_ranks, [] { return getpid(); }).result() == pids);  // the group was kept
}

TEST_CASE("an MPI error in a task becomes an exception with MPI's own text") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const future = pool.submit([](farm::Comm const& comm) {
    int value = 0;
    MPI_Send(&value, 1, MPI_INT, 99, 0, comm);
  });
  CHECK_THROWS_AS(future.result(), std::system_error);
  CHECK_THAT(error_of([&] { future.result(); }), contains("MPI_ERR_RANK") || contains("Invalid rank"));
  CHECK(pool.submit(add_one, 1).result() == 2);
}

TEST_CASE("a rank's death costs its own task only, and the error says how it died") {
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2, .max_losses = 1}};
  struct Case {
    Death death;
    char const* text;
  };
  for (auto const& [death, text] :
       {Case{Death::kill, "signal 9 (Killed)"}, Case{Death::segv, "signal 11 (Segmentation fault)"},
        Case{Death::term, "signal 15 (Terminated)"}, Case{Death::exit, "exited with status 3"},
        Case{Death::quick_exit, "exited with status 4"}, Case{Death::abort, "signal 6 (Aborted)"},
        Case{Death::mpi_abort, "it called MPI_Abort with code 5"}}) {
    for (int const rank : {0, 1}) {
      CAPTURE(text, rank);
      auto const bad = pool.submit(die_on_rank, rank, death);
      std::vector<farm::Future<int>> good;
      for (int i = 0; i < 10; ++i) good.push_back(pool.submit(add_one, i));
      CHECK_THROWS_AS(bad.result(), farm::GroupLost);
      CHECK_THAT(error_of([&] { bad.result(); }), contains(text) && contains("rank " + std::to_string(rank) + " of 2"));
      for (int i = 0; i < 10; ++i) CHECK(good[static_cast<std::size_t>(i)].result() == i + 1);
    }
  }
  CHECK(pool.statistics().groups_lost == 14);
}

TEST_CASE("a task whose group was lost runs again, up to max_losses") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const until = [](std::uint32_t attempt, farm::TaskContext& context, farm::Comm const& comm) {
    if (context.attempt() < attempt && comm.rank() == 1) die(Death::kill);
    MPI_Barrier(comm);
    return context.attempt();
  };
  CHECK(pool.submit(until, 2).result() == 2);
  CHECK(pool.submit(until, 3).result() == 3);
  auto const text = error_of([&] { pool.submit(until, 4).result(); });
  CHECK_THAT(text, contains("its group was lost 3 times"));
}

TEST_CASE("a task that exits, stops or calls MPI_Abort runs once, unless an option says otherwise") {
  auto const until_second = [](Death how, farm::TaskContext& context, farm::Comm const& comm) {
    if (context.attempt() < 2 && comm.rank() == 1) die(how);
    MPI_Barrier(comm);
    return context.attempt();
  };
  farm::MPISpawnPool once{{.max_ranks = 2, .ranks_per_task = 2}};
  for (auto const how : {Death::exit, Death::quick_exit, Death::mpi_abort}) {
    auto const text = error_of([&] { once.submit(until_second, how).result(); });
    CHECK_THAT(text, contains("has ended its process itself, and is not run again (rerun_after_exit)"));
  }
  CHECK(once.submit(until_second, Death::abort).result() == 2);
  CHECK(once.submit(farm::TaskOptions{.rerun_after_exit = true}, until_second, Death::exit).result() == 2);
  once.shutdown();
  farm::MPISpawnPool again{{.max_ranks = 2, .ranks_per_task = 2, .rerun_after_exit = true}};
  CHECK(again.submit(until_second, Death::exit).result() == 2);
}

TEST_CASE("errors name the task by the name that it was given") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const failed = pool.submit(farm::TaskOptions{.name = "sim 37"}, throw_on_rank, 1);
  CHECK_THAT(error_of([&] { failed.result(); }), contains("task 0 (sim 37), rank 1 of 2 on "));
  auto const exited = pool.submit(farm::TaskOptions{.name = "sim 38"}, die_on_rank, 0, Death::exit);
  CHECK_THAT(error_of([&] { exited.result(); }), contains("task 1 (sim 38) has ended its process itself"));
  auto const late = pool.submit(farm::TaskOptions{.timeout = 100ms, .name = "sim 39"}, [] { pause(); });
  CHECK_THAT(error_of([&] { late.result(); }), contains("task 2 (sim 39) ran longer than its limit"));
}

TEST_CASE("a task whose argument failed says that it did not run, and why, and keeps the type of the error") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const failed = pool.submit(farm::TaskOptions{.name = "sim 37"}, throw_on_rank, 1);
  auto const sum = [](int a, int b) { return a + b; };
  auto const next = pool.submit(farm::TaskOptions{.name = "sum"}, sum, 1, failed);
  CHECK_THROWS_AS(next.result(), std::invalid_argument);
  CHECK_THROWS_AS(next.result(), farm::TaskError);
  CHECK_THAT(
      error_of([&] { next.result(); }),
      contains("task 1 (sum) did not run, because its argument 2, sim 37, failed: task 0 (sim 37), rank 1 of 2") &&
          contains("std::invalid_argument: no good"));
  auto const last = pool.submit(add_one, next);
  CHECK_THAT(error_of([&] { last.result(); }),
             contains("task 2 did not run, because its argument 1, sum, failed: task 1 (sum) did not run, because"));
  auto const lost = pool.submit(die_on_rank, 0, Death::exit);
  auto const many =
      pool.submit([](std::vector<int> const& all) { return all.size(); }, std::vector{pool.submit(add_one, 1), lost});
  CHECK_THROWS_AS(many.result(), farm::GroupLost);
  CHECK_THAT(error_of([&] { many.result(); }), contains("argument 1 (element 2 of 2) failed: task 3 has ended"));
}

TEST_CASE("a task that exceeds its time limit is ended, whatever it does, and the next task runs") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const limit = farm::TaskOptions{.timeout = 300ms};
  auto const endless = [](farm::Comm const&) {
    for (volatile bool go = true; go;) {
    }
  };
  auto const deadlock = [](farm::Comm const& comm) {
    int value = 0;
    MPI_Recv(&value, 1, MPI_INT, 1 - comm.rank(), 0, comm, MPI_STATUS_IGNORE);
  };
  auto const stopped = [](farm::Comm const&) { raise(SIGSTOP); };
  CHECK_THROWS_AS(pool.submit(limit, endless).result(), farm::TimeoutError);
  CHECK_THROWS_AS(pool.submit(limit, deadlock).result(), farm::TimeoutError);
  CHECK_THROWS_AS(pool.submit(limit, stopped).result(), farm::TimeoutError);
  CHECK(pool.submit(limit, add_one, 1).result() == 2);
}

TEST_CASE("a guard's death takes its rank with it") {
  // Without Open MPI's recovery the launcher ends everything if a guard is killed. Only a singleton's launcher has
  // recovery.
  if (std::getenv("OMPI_MCA_orte_enable_recovery") == nullptr) return;
  farm::MPISpawnPool pool{{.max_ranks = 1, .max_losses = 1}};
  auto const future = pool.submit([] {
    kill(getppid(), SIGKILL);
    pause();
  });
  CHECK_THROWS_AS(future.result(), farm::GroupLost);
}

TEST_CASE("a pool inside a task is refused") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const future = pool.submit([] { farm::MPISpawnPool const inner{{.max_ranks = 1}}; });
  CHECK_THAT(error_of([&] { future.result(); }), contains("only the master can"));
}

TEST_CASE("an argument or result that fails to serialize at run time fails its own future only") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const identity = [](Picky p) { return p; };
  auto const plus_one = [](Picky p) { return Picky{p.value + 1}; };
  CHECK_THROWS_WITH(pool.submit(identity, Picky{13}).result(), contains("not thirteen"));
  CHECK_THROWS_WITH(pool.submit(identity, Picky{14}).result(), contains("not fourteen"));
  CHECK_THROWS_WITH(pool.submit(plus_one, Picky{12}).result(), contains("not thirteen"));
  CHECK(pool.submit(plus_one, Picky{11}).result().value == 12);
}
