// Initializers: what runs on every rank before its first task, and what tasks get from it.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct Model {
  std::string name;
  std::unique_ptr<int> uses = std::make_unique<int>(0);  // can be neither copied nor serialized
};

Model load(std::string const& name) { return {.name = name}; }

std::string use(int i, farm::Initialized<Model> model) {
  ++*model->uses;
  return model->name + std::to_string(i);
}

int count_uses(farm::Initialized<Model const> model) { return *model->uses; }

int sum_of_ranks(farm::Comm const& comm) {
  int const mine = comm.rank() + 1;
  int sum = 0;
  MPI_Allreduce(&mine, &sum, 1, MPI_INT, MPI_SUM, comm);
  return sum;
}

int refuse(int code) { throw std::domain_error("no licence for " + std::to_string(code)); }

int one_rank_refuses(farm::Comm const& comm) {
  if (comm.rank() == 1) throw std::domain_error("rank 1 will not");
  comm.barrier();
  return 0;
}

}  // namespace

TEST_CASE("tasks on a rank get what the initializer returned there") {
  farm::MPISpawnPool pool{{.max_ranks = 1, .initializer = farm::initializer(load, "m")}};
  CHECK(pool.map(use, std::vector{1, 2, 3}) == std::vector<std::string>{"m1", "m2", "m3"});
  CHECK(pool.submit(count_uses).result() == 3);
  CHECK(pool.submit([](int i) { return i; }, 5).result() == 5);
}

TEST_CASE("an initializer runs on each rank and may use the communicator of its group") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .initializer = farm::initializer(sum_of_ranks)}};
  auto const kept = [](farm::Initialized<int> sum, farm::Comm const& comm) { return 10 * comm.rank() + *sum; };
  CHECK(pool.submit(farm::all_ranks, kept).result() == std::vector{3, 13});
}

TEST_CASE("a task that asks for a type that no initializer returned fails and says so") {
  farm::MPISpawnPool without{{.max_ranks = 1}};
  CHECK_THAT(error_of([&] { without.submit(count_uses).result(); }), contains("there is none"));
  farm::MPISpawnPool with{{.max_ranks = 1, .initializer = farm::initializer(sum_of_ranks)}};
  CHECK_THAT(error_of([&] { with.submit(count_uses).result(); }), contains("returned a int"));
  CHECK(with.submit(sum_of_ranks).result() == 1);
}

TEST_CASE("an initializer that throws breaks its own pool only, with its own text") {
  farm::MPISpawnPool broken{{.max_ranks = 2, .initializer = farm::initializer(refuse, 7)}};
  farm::MPISpawnPool whole{{.max_ranks = 1}};
  std::vector<farm::Future<int>> pending;
  for (int i = 0; i < 20; ++i) pending.push_back(broken.submit([](int k) { return k; }, i));
  for (auto const& future : pending) {
    auto const text = error_of<farm::BrokenExecutor>([&] { future.result(); });
    CHECK_THAT(text, !contains("of another type"));
    CHECK_THAT(text, contains("no licence for 7"));
    CHECK_THAT(text, contains("std::domain_error"));
  }
  CHECK_THAT(error_of([&] { broken.submit(sum_of_ranks).result(); }), contains("no licence for 7"));
  CHECK_THAT(error_of([&] { broken.bootup(); }), contains("no licence for 7"));
  CHECK(whole.submit(sum_of_ranks).result() == 1);
}

TEST_CASE("an initializer that throws on one rank while its peers wait in a collective does not hang") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2, .initializer = farm::initializer(one_rank_refuses)}};
  auto const text = error_of([&] { pool.bootup(); });
  CHECK_THAT(text, contains("rank 1 of 2"));
  CHECK_THAT(text, contains("rank 1 will not"));
}
