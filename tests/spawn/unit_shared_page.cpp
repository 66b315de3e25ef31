#include "spawn/guard/shared_page.hpp"

#include "core/task/frame.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace farm::detail;

TEST_CASE("each task is either begun by the rank or recalled by the guard, never both") {
  constexpr std::uint64_t tasks = 200'000;
  constexpr std::uint64_t group = 3;
  SharedPage page;
  std::vector<char> begun(tasks);
  std::atomic<std::uint64_t> sent{0};
  std::thread rank{[&] {
    for (std::uint64_t i = 0; i < tasks; ++i) {
      while (sent <= i) std::this_thread::yield();
      begun[i] = page.begin(task_key(group, i)) ? 1 : 0;
    }
  }};
  std::vector<std::pair<std::uint64_t, std::uint64_t>> recalled;
  std::minstd_rand random{1};
  while (sent < tasks) {
    sent = std::min(tasks, sent + 1 + random() % 100);
    auto const first = page.recall(task_key(group, sent));
    REQUIRE(of_same_group(first, task_key(group, 0)));
    recalled.emplace_back(index_of(first), sent);
  }
  rank.join();
  std::vector<char> expected(tasks, 1);
  for (auto const& [first, end] : recalled) {
    for (auto i = first; i < end; ++i) expected[i] = 0;
  }
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < tasks; ++i) wrong += begun[i] != expected[i] ? 1U : 0U;
  CHECK(wrong == 0);
}

TEST_CASE("a late recall, for an earlier group, recalls no task of the next group") {
  SharedPage page;
  CHECK(page.begin(task_key(1, 0)));
  static_cast<void>(page.recall(task_key(1, 5)));
  CHECK_FALSE(page.begin(task_key(1, 1)));
  for (std::uint64_t i = 0; i < 5; ++i) CHECK(page.begin(task_key(2, i)));
}

TEST_CASE("tasks that are sent after a recall are begun") {
  SharedPage page;
  CHECK(index_of(page.recall(task_key(1, 3))) == 0);
  for (std::uint64_t i = 0; i < 3; ++i) CHECK_FALSE(page.begin(task_key(1, i)));
  CHECK(page.begin(task_key(1, 3)));
  CHECK(index_of(page.recall(task_key(1, 4))) == 4);
  CHECK(page.begin(task_key(1, 4)));
}
