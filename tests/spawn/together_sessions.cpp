// Executors that all ranks of a communicator construct together. Every rank runs these test cases.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <atomic>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int world_rank() {
  int rank = -1;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}
int world_size() {
  int size = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  return size;
}
int square(int i) { return i * i; }
int sum_of_ranks(farm::Comm const& comm) {
  int const mine = comm.rank() + 1;
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

/// Returns on how many ranks the argument is true. Collective over MPI_COMM_WORLD.
int count(bool yes) {
  int sum = yes ? 1 : 0;
  MPI_Allreduce(MPI_IN_PLACE, &sum, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  return sum;
}

}  // namespace

TEST_CASE("the root has an executor, the other ranks serve it, and then all ranks go on") {
  bool root = false;
  {
    farm::MPICommExecutor executor{MPI_COMM_WORLD, 0};
    root = static_cast<bool>(executor);
    if (executor) {
      CHECK(executor->submit(square, -42).result() == 1764);
      std::set<int> results;
      for (int const value : executor->map(square, std::vector{-42, 42, 3})) results.insert(value);
      CHECK(results == std::set{9, 1764});
      CHECK(executor->num_workers() == world_size() - 1);
    } else {
      CHECK_THAT(error_of([&] { static_cast<void>(executor->submit(square, 1)); }),
                 contains("only the root may use it"));
    }
  }
  CHECK(root == (world_rank() == 0));
  CHECK(count(root) == 1);  // collective: all ranks have gone on
}

TEST_CASE("any rank of any communicator may be the root, repeatedly") {
  for (int root = 0; root < world_size(); ++root) {
    farm::MPICommExecutor executor{MPI_COMM_WORLD, root};
    CHECK(static_cast<bool>(executor) == (world_rank() == root));
    if (executor) {
      for (int const rank : executor->map([](int) { return world_rank(); }, std::vector<int>(20))) CHECK(rank != root);
    }
  }
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, world_rank() % 2, 0, &half);
  {
    farm::MPICommExecutor executor{half, 1};  // both halves at once
    if (executor) {
      for (int const rank : executor->map([](int) { return world_rank(); }, std::vector<int>(20)))
        CHECK(rank % 2 == world_rank() % 2);
    }
  }
  MPI_Comm_free(&half);
}

TEST_CASE("a communicator of one rank runs tasks in the process itself") {
  farm::MPICommExecutor executor{MPI_COMM_SELF};
  REQUIRE(executor);
  static std::atomic<int> calls{0};
  calls = 0;
  CHECK(executor->submit([] { return world_rank(); }).result() == world_rank());
  for ([[maybe_unused]] int const value : executor->map(
           [](int i) {
             ++calls;
             return i;
           },
           std::vector{1, 2, 3})) {
  }
  CHECK(calls == 3);
  CHECK(executor->submit([](farm::Comm const& comm) { return comm.size(); }).result() == 1);
  CHECK_THROWS_AS(executor->submit([] { throw std::domain_error("in here"); }).result(), std::domain_error);
}

TEST_CASE("serving ranks form groups of ranks_per_task") {
  farm::MPIExecutor executor{{.ranks_per_task = 2}};
  if (executor.is_main()) {
    CHECK(executor.num_workers() == 2);
    CHECK(executor.submit(sum_of_ranks).result() == 3);
    CHECK(executor.submit(farm::TaskOptions{.ranks = 5}, sum_of_ranks).result() == 15);
  }
  CHECK(executor.is_worker() == (world_rank() != 0));
}

TEST_CASE("MPIExecutor maps, takes batches, and leaves the body early on workers") {
  int taken = 0;
  farm::with<farm::MPIExecutor>([&](farm::MPIExecutor& pool) {
    pool.workers_exit();
    ++taken;
    CHECK(pool.map(square, std::vector{1, 2, 3}) == std::vector{1, 4, 9});
    CHECK(pool.submit_batch(square, std::vector{1, 2, 3}).result() == std::vector{1, 4, 9});
    CHECK(pool.submit(square, 7).result() == 49);
  });
  CHECK(taken == (world_rank() == 0 ? 1 : 0));
}

TEST_CASE("MPIPool has the functions of a multiprocessing pool") {
  farm::with<farm::MPIPool>([](farm::MPIPool& pool) {
    pool.workers_exit();
    CHECK(pool.map(square, std::vector{1, 2, 3}) == std::vector{1, 4, 9});
    auto const later = pool.map_async(square, std::vector{4, 5});
    CHECK(later.get() == std::vector{16, 25});
    CHECK(later.ready());
    CHECK(pool.apply(square, 6) == 36);
    pool.close();
    pool.join();
  });
}

TEST_CASE("an exception that leaves the body at the root leaves with(), and the other ranks go on") {
  auto const text = error_of([] {
    farm::with<farm::MPIExecutor>([](farm::MPIExecutor& pool) {
      pool.workers_exit();
      pool.submit([] { throw std::runtime_error("from a task"); }).result();
    });
  });
  if (world_rank() == 0) {
    CHECK_THAT(text, contains("from a task"));
  } else {
    CHECK(text == "no error");
  }
  CHECK(count(true) == world_size());
}

TEST_CASE("nested use, an invalid root and use after shutdown are refused, and nothing hangs") {
  CHECK_THAT(error_of([] { farm::MPICommExecutor{MPI_COMM_WORLD, 77}; }), contains("root is 77"));
  CHECK_THAT(error_of([] { farm::MPICommExecutor{MPI_COMM_WORLD, world_rank()}; }), contains("differs on others"));
  {
    farm::MPICommExecutor executor;
    if (executor) {
      CHECK_THAT(error_of([] { farm::MPICommExecutor{MPI_COMM_SELF}; }), contains("in use in this process"));
      CHECK_THROWS_WITH(executor->submit([] { farm::MPICommExecutor{MPI_COMM_SELF}; }).result(),
                        contains("in use in this process"));
      CHECK_THROWS_WITH(executor->submit([] { farm::MPISpawnPool pool{{.max_ranks = 1}}; }).result(),
                        contains("Runtime"));
      CHECK(executor->submit(square, 3).result() == 9);
      executor.shutdown();
      CHECK_THROWS_AS(executor->submit(square, 3), farm::ShutdownError);
    }
  }
  CHECK_THAT(error_of([] { farm::MPISpawnPool pool{{.max_ranks = 1}}; }), contains("Runtime"));
}

TEST_CASE("an executor with invalid options is refused at the root, and the other ranks go on") {
  auto const text = error_of([] { farm::MPIExecutor{{.ranks_per_task = 100}}; });
  if (world_rank() == 0) CHECK_THAT(text, contains("ranks_per_task is 100"));
  CHECK(count(true) == world_size());
}

TEST_CASE("pending tasks run before the destructor returns") {
  std::vector<farm::Future<int>> futures;
  {
    farm::MPICommExecutor executor;
    if (executor) {
      for (int i = 0; i < 100; ++i) futures.push_back(executor->submit(square, i));
    }
  }
  for (std::size_t i = 0; i < futures.size(); ++i) CHECK(futures[i].result() == static_cast<int>(i * i));
}

TEST_CASE(
    "a shutdown from a callback does not wait for itself; the other ranks go on when the root destroys the executor") {
  {
    farm::MPIExecutor executor;
    if (executor.is_main()) {
      auto const future = executor.submit(square, 3);
      auto const after = future.then([&](int value) {
        executor.shutdown();
        return value;
      });
      CHECK(after.result() == 9);
      CHECK_THROWS_AS(executor.submit(square, 3), farm::ShutdownError);
    }
  }
  CHECK(count(true) == world_size());
}

TEST_CASE("tasks in the process itself cannot have worker options of their own") {
  auto const text = error_of<farm::UsageError>(
      [] { farm::MPIExecutor{{.comm = MPI_COMM_SELF, .workers = {.working_directory = "/"}}}; });
  CHECK_THAT(text, contains("in the process itself"));
}

TEST_CASE("cancellable tasks are refused, since the program's own ranks must not be killed") {
  farm::MPIExecutor executor;
  if (!executor.is_main()) return;
  CHECK_THAT(error_of<farm::UsageError>([&] { executor.submit(farm::TaskOptions{.cancellable = true}, square, 1); }),
             contains("the program's own"));
  CHECK(executor.submit(square, 2).result() == 4);
}

TEST_CASE("an executor over an intercommunicator, or over no communicator, is an error on every rank") {
  CHECK_THAT(error_of<farm::UsageError>([] { farm::MPICommExecutor{MPI_COMM_NULL}; }), contains("MPI_COMM_NULL"));
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm half = MPI_COMM_NULL;
  MPI_Comm both = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, rank % 2, rank, &half);
  MPI_Intercomm_create(half, 0, MPI_COMM_WORLD, 1 - rank % 2, 5, &both);
  CHECK_THAT(error_of<farm::UsageError>([&] { farm::MPICommExecutor{both}; }), contains("an intercommunicator"));
  MPI_Comm_free(&both);
  MPI_Comm_free(&half);
}
