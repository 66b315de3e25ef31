#include "core/scheduler/scheduler.hpp"

#include <farm/error.hpp>

#include <chrono>
#include <cstdlib>
#include <random>
#include <vector>

#include "tests/core/fake_groups.hpp"
#include "tests/support/catch.hpp"

using farm::CodeAddress;
using namespace farm::testing;
using namespace std::chrono_literals;

namespace {

/// A scheduler whose world makes any event happen at any time.
class Chaos {
 public:
  explicit Chaos(std::uint32_t seed)
      : random_(seed),
        max_ranks_(below(2) == 0 ? 1 + below(4) : 4 + below(13)),
        farm_({.max_ranks = max_ranks_,
               .tasks_per_group = below(3) == 0 ? 1 + static_cast<std::uint64_t>(below(5)) : 0}) {
    farm_.can_withdraw = below(2) == 0;
    farm_.recalls_work = below(2) == 0;
    kind_of_trouble_ = below(4);
    busyness_ = below(2) == 0 ? 5 : 100;
    run_ = below(2) == 0 ? 10us : 1ms;
  }

  void run(int steps) {
    int const shutdown_at = below(4) == 0 ? below(steps) : steps;
    int const abandon_at = below(8) == 0 ? below(steps) : -1;
    for (int step = 0; step < steps; ++step) {
      if (step == shutdown_at) farm_.scheduler.shutdown(below(2) == 0);
      if (step == abandon_at) farm_.scheduler.abandon(std::make_exception_ptr(farm::BrokenExecutor("abandoned")));
      once();
    }
    farm_.scheduler.shutdown(below(4) == 0);
    for (int step = 0; farm_.times_drained == 0; ++step) {
      REQUIRE(step < 200000);
      once(false);
    }
    CHECK(farm_.times_drained == 1);
    CHECK(farm_.scheduler.idle());
    CHECK(farm_.groups.empty());
    CHECK_FALSE(farm_.scheduler.next_deadline());
    CHECK(farm_.scheduler.statistics().groups == 0);
    for (auto const& task : tasks_) CHECK(task->done());
  }

 private:
  std::uint16_t flags() {
    int const used_comm = below(2) == 0 ? answer_flags::used_comm : 0;
    int const worn_out = below(100) == 0 ? answer_flags::worn_out : 0;
    return static_cast<std::uint16_t>(used_comm | worn_out);
  }
  int below(int n) { return std::uniform_int_distribution<int>{0, n - 1}(random_); }
  bool trouble(int kind) {
    return kind_of_trouble_ == kind || kind_of_trouble_ == 3 ? below(10) == 0 : below(200) == 0;
  }

  void once(bool may_submit = true) {
    if (!to_stop_.empty() && below(3) == 0) {
      farm_.scheduler.stop(*to_stop_.back());
      to_stop_.pop_back();
    }
    int const what = below(20);
    if (what < 4 && may_submit && below(100) < busyness_) {
      for (int i = below(4) == 0 ? below(30) : 1; i > 0; --i) submit();
    } else if (what == 4 && !tasks_.empty()) {
      tasks_[static_cast<std::size_t>(below(static_cast<int>(tasks_.size())))]->cancel();
    } else if (what == 5) {
      farm_.advance(std::chrono::milliseconds{below(300)});
    } else if (what == 6) {
      if (below(10) == 0) farm_.scheduler.release_idle();
      if (below(10) == 0) farm_.scheduler.set_others_wait(below(2) == 0);
    } else if (what < 10 && !farm_.starts.empty()) {
      if (trouble(0)) {
        farm_.fail_start();
      } else {
        farm_.come_up();
      }
    } else if (!farm_.groups.empty()) {
      auto const ids = farm_.ids();
      happen_to(farm_.groups.at(ids[static_cast<std::size_t>(below(static_cast<int>(ids.size())))]));
    }
  }

  void happen_to(FakeGroups::Group const& group) {
    if ((group.leaving || group.ended) && below(2) == 0) return farm_.gone(group.id);
    if (trouble(1) && below(4) == 0) {
      if (below(4) == 0) return farm_.gone(group.id);
      return farm_.lose(group.id);
    }
    if (group.recall_end != 0 && !group.ended && below(3) == 0)
      return farm_.give_back(group.id, static_cast<std::size_t>(below(3)));
    if (group.tasks.empty()) return;
    int const rank = below(group.ranks);
    if (group.tasks.back().answered.contains(rank)) return;
    if (trouble(2)) {
      farm_.fail(group.id, rank);
    } else {
      farm_.answer(group.id, rank, "value", run_, flags());
    }
  }

  void submit() {
    auto const task = make_intrusive<Task>(CodeAddress{1, 2}, below(50) == 0 ? "too large" : "");
    task->ranks = below(3) == 0 ? 1 + below(max_ranks_) : 1 + below(2);
    task->priority = below(5) == 0 ? below(3) - 1 : 0;
    task->all_ranks = below(3) == 0;
    if (below(10) == 0) task->make_rare().timeout = std::chrono::milliseconds{1 + below(2000)};
    if (below(10) == 0) task->make_rare().retries = below(3);
    task->listens = below(2) == 0;
    if (below(5) == 0) {
      task->cancellable = true;
      task->make_rare().stop = [this](Task& stopped) { to_stop_.push_back(TaskPtr{&stopped}); };
    }
    tasks_.push_back(task);
    farm_.submit(task);
  }

  std::mt19937 random_;
  int max_ranks_;
  FakeGroups farm_;
  int kind_of_trouble_ = 0;
  int busyness_ = 0;  ///< percent
  std::chrono::nanoseconds run_{0};
  std::vector<TaskPtr> tasks_;
  std::vector<TaskPtr> to_stop_;
};

}  // namespace

TEST_CASE("whatever happens, each future is done in the end and drained() is called once") {
  auto const* const given = std::getenv("FARM_TEST_SEED");  // NOLINT(concurrency-mt-unsafe): a test has one thread
  auto const first = given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device{}();
  for (std::uint32_t i = 0; i < (given != nullptr ? 1 : 100); ++i) {
    INFO("run it again alone with FARM_TEST_SEED=" << first + i);
    Chaos{first + i}.run(600);
  }
}
