// bootup(): pools that wait for ranks that other pools hold, and pools that are shut down while they wait.
#include <farm/farm.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <chrono>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace std::chrono_literals;

namespace {

int twice(int i) { return 2 * i; }
int slowly(int i) {
  std::this_thread::sleep_for(300ms);
  return i;
}
int never() {
  for (;;) std::this_thread::sleep_for(1s);
}

/// Runs f on a thread of its own, and returns the error that it throws, or "no error".
template <class F>
std::future<std::string> in_thread(F f) {
  return std::async(std::launch::async, [f] { return error_of(f); });
}

/// The threads of a test that hangs cannot be joined, so the program ends.
std::string outcome(std::future<std::string>& future) {
  if (future.wait_for(30s) == std::future_status::ready) return future.get();
  FAIL("it hangs");
  std::abort();
}

}  // namespace

TEST_CASE("four executors that boot in four threads, each for all ranks, all become ready") {
  std::vector<std::future<std::string>> boots;
  for (int i = 0; i < 4; ++i) {
    boots.push_back(in_thread([i] {
      farm::PoolExecutor executor{{.max_workers = 4}};
      executor.bootup();
      if (executor.submit(twice, i).result() != 2 * i) throw std::runtime_error("a wrong value");
    }));
  }
  for (auto& boot : boots) CHECK(outcome(boot) == "no error");
}

TEST_CASE("a pool boots while another one is busy with the ranks, and once its tasks are done") {
  farm::MPISpawnPool busy{{.max_ranks = 4}};
  busy.bootup();
  std::vector<farm::Future<int>> futures;
  for (int i = 0; i < 8; ++i) futures.push_back(busy.submit(slowly, i));
  farm::MPISpawnPool other{{.max_ranks = 4}};
  auto boot = in_thread([&] { other.bootup(); });
  CHECK(outcome(boot) == "no error");
  CHECK(other.submit(twice, 4).result() == 8);
  for (int i = 0; i < 8; ++i) CHECK(futures[static_cast<std::size_t>(i)].result() == i);
  busy.bootup();  // and back
  CHECK(busy.submit(twice, 5).result() == 10);
}

TEST_CASE("a pool boots right after another one was shut down, whether or not that one has ended") {
  for (int i = 0; i < 3; ++i) {
    farm::MPISpawnPool first{{.max_ranks = 4}};
    first.bootup();
    first.shutdown(i % 2 == 0);
    farm::MPISpawnPool second{{.max_ranks = 4}};
    auto boot = in_thread([&] { second.bootup(); });
    CHECK(outcome(boot) == "no error");
    CHECK(second.submit(twice, i).result() == 2 * i);
  }
}

TEST_CASE("a pool that is shut down while it boots ends with an error") {
  farm::MPISpawnPool busy{{.max_ranks = 4}};
  auto const task = busy.submit(farm::TaskOptions{.ranks = 4, .cancellable = true}, never);
  while (!task.running()) std::this_thread::yield();
  farm::MPISpawnPool waiting{{.max_ranks = 4}};
  auto boot = in_thread([&] { waiting.bootup(); });
  std::this_thread::sleep_for(100ms);
  auto end = in_thread([&] { waiting.shutdown(); });
  CHECK_THAT(outcome(boot), contains("the workers cannot be started: the pool was shut down"));
  CHECK(outcome(end) == "no error");
  task.cancel();
}

TEST_CASE("bootup() after shutdown() throws, and no worker is left") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  CHECK(pool.num_workers() == 2);
  pool.shutdown();
  CHECK(pool.num_workers() == 0);
  CHECK_THROWS_AS(pool.bootup(), farm::ShutdownError);
  CHECK_THROWS_AS(pool.bootup(false), farm::ShutdownError);
}

TEST_CASE("a pool whose initializer has failed has no workers") {
  farm::MPISpawnPool pool{
      {.max_ranks = 2, .initializer = farm::initializer([]() -> int { throw std::runtime_error("no licence"); })}};
  CHECK_THROWS_AS(pool.bootup(), farm::BrokenExecutor);
  CHECK_THROWS_AS(pool.bootup(), farm::BrokenExecutor);
  CHECK(pool.num_workers() == 0);
}

TEST_CASE("shutdown that cancels and does not wait returns at once, and what was queued is cancelled then") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const running = pool.submit(slowly, 1);
  while (!running.running()) std::this_thread::yield();
  std::vector<farm::Future<int>> queued;
  for (int i = 0; i < 100; ++i) queued.push_back(pool.submit(slowly, i));
  auto const begin = std::chrono::steady_clock::now();
  pool.shutdown(false, true);
  CHECK(std::chrono::steady_clock::now() - begin < 250ms);
  CHECK(queued.back().cancelled());
  CHECK(running.result() == 1);
}

TEST_CASE("a pool with room for fewer groups than its options say boots those") {
  farm::MPISpawnPool large{{.max_ranks = 4, .ranks_per_task = 1}};
  auto const task = large.submit(farm::TaskOptions{.ranks = 3, .cancellable = true}, never);
  while (!task.running()) std::this_thread::yield();
  large.bootup();  // one of four
  CHECK(large.submit(twice, 1).result() == 2);
  task.cancel();
}
