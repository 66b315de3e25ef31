// Maps of executors: lazy ranges, and the errors that may occur in them.
#include <farm/farm.hpp>

#include <cereal/types/memory.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/picky.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <unistd.h>

using namespace std::chrono_literals;

namespace {

int square(int i) { return i * i; }
int positive(int i) {
  if (i < 0) throw std::domain_error("negative");
  return i;
}

/// Waits until another task has created the file.
int when_there(int i, std::string const& path) {
  while (!std::ifstream{path}) std::this_thread::yield();
  return i;
}
void create(std::string const& path) { std::ofstream{path} << 1; }
std::string path_of(char const* name) { return "maps-" + std::to_string(getpid()) + "-" + name; }

/// A range of 0, 1, 2 ... that counts how many numbers were taken. Throws at `bad`.
class Counter {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    using pointer = int const*;
    using reference = int;
    explicit Iterator(Counter& counter) : counter_(&counter) {}
    int operator*() const {
      ++*counter_->taken_;
      if (value_ == counter_->bad_) throw std::runtime_error("the generator broke");
      return value_;
    }
    Iterator& operator++() {
      ++value_;
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return value_ == counter_->end_; }

   private:
    Counter* counter_;
    int value_ = 0;
  };
  explicit Counter(int end = -1, int bad = -1) : end_(end), bad_(bad) {}
  Iterator begin() { return Iterator{*this}; }
  [[nodiscard]] std::default_sentinel_t end() const { return {}; }
  [[nodiscard]] std::shared_ptr<int> taken() const { return taken_; }

 private:
  int end_;
  int bad_;
  std::shared_ptr<int> taken_ = std::make_shared<int>(0);
};

template <class R>
std::vector<R> all_of(farm::MappedRange<R> range) {
  std::vector<R> results;
  for (auto& result : range) results.push_back(std::move(result));
  return results;
}

}  // namespace

TEST_CASE("map of an executor returns a range of results in the order of the inputs") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  CHECK(all_of(executor.map(square, std::vector{1, 2, 3, 4, 5})) == std::vector{1, 4, 9, 16, 25});
  CHECK(all_of(executor.map([](int a, double b) { return a + b; }, std::vector{1, 2, 3}, std::vector{0.5, 1.5})) ==
        std::vector{1.5, 3.5});
  CHECK(all_of(executor.starmap([](int a, int b) { return a - b; },
                                std::vector<std::pair<int, int>>{{5, 3}, {1, 1}})) == std::vector{2, 0});
  CHECK(all_of(executor.map(square, std::vector<int>{})).empty());
  std::vector<int> inputs{3, 4};
  auto range = executor.map(square, inputs);
  inputs.clear();  // the call has taken all inputs
  CHECK(range.to_vector() == std::vector{9, 16});
  std::size_t calls = 0;
  for ([[maybe_unused]] std::monostate const nothing : executor.map([](int) {}, std::vector{1, 2, 3})) ++calls;
  CHECK(calls == 3);
}

TEST_CASE("inputs and results may be move-only, and iterators may return references or proxies") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  std::vector<std::unique_ptr<int>> inputs;
  inputs.push_back(std::make_unique<int>(4));
  inputs.push_back(nullptr);
  auto range = executor.map([](std::unique_ptr<int> p) { return p ? std::make_unique<int>(*p + 1) : nullptr; },
                            std::move(inputs));
  auto results = range.to_vector();
  REQUIRE(results.size() == 2);
  CHECK(*results[0] == 5);
  CHECK(results[1] == nullptr);
  std::vector<bool> const bits{true, false};
  CHECK(executor.map([](bool bit) { return !bit; }, bits).to_vector() == std::vector<bool>{false, true});
  std::istringstream numbers{"1 2 3"};
  struct Numbers {
    std::istream& from;
    [[nodiscard]] auto begin() const { return std::istream_iterator<int>{from}; }
    [[nodiscard]] auto end() const { return std::istream_iterator<int>{}; }
  };
  CHECK(executor.map(square, Numbers{numbers}, farm::MapOptions{.buffersize = 1}).to_vector() == std::vector{1, 4, 9});
}

TEST_CASE("chunks of any size give the same results") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  std::vector<int> const inputs{1, 2, 3, 4, 5, 6, 7};
  std::vector<int> const expected{1, 4, 9, 16, 25, 36, 49};
  for (std::int64_t const chunksize : {1, 2, 3, 7, 100}) {
    for (std::int64_t const buffersize : {0, 1, 2, 5, 100}) {
      CAPTURE(chunksize, buffersize);
      farm::MapOptions options{.chunksize = chunksize, .buffersize = buffersize};
      CHECK(all_of(executor.map(square, inputs, options)) == expected);
      options.unordered = true;
      auto const results = all_of(executor.map(square, inputs, options));
      CHECK(std::multiset<int>(results.begin(), results.end()) == std::multiset<int>(expected.begin(), expected.end()));
    }
  }
}

TEST_CASE("an unordered map yields results as they arrive") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  executor.bootup();
  auto const path = path_of("unordered");
  auto const first_waits = [](int i, std::string const& file) { return i == 0 ? when_there(i, file) : i; };
  std::vector<std::string> const files(4, path);
  auto range = executor.map(first_waits, std::vector{0, 1, 2, 3}, files, farm::MapOptions{.unordered = true});
  std::vector<int> results;
  for (int i = 0; i < 3; ++i) results.push_back(*range.next());
  CHECK(std::set<int>(results.begin(), results.end()) == std::set<int>{1, 2, 3});
  create(path);
  CHECK(range.next() == 0);
  CHECK_FALSE(range.next());
}

TEST_CASE("an endless generator works, and no more than buffersize inputs are taken ahead") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  for (std::int64_t const chunksize : {1, 3}) {
    for (bool const unordered : {false, true}) {
      CAPTURE(chunksize, unordered);
      Counter endless;
      auto const taken = endless.taken();
      auto range = executor.map(square, std::move(endless),
                                farm::MapOptions{.chunksize = chunksize, .unordered = unordered, .buffersize = 6});
      CHECK(*taken == 6);
      bool flat = true;
      for (int given = 1; given <= 1000; ++given) {
        auto const result = range.next();
        REQUIRE(result);
        if (!unordered) flat = flat && *result == (given - 1) * (given - 1);
        flat = flat && *taken <= given + 6 && *taken > given;
      }
      CHECK(flat);
    }
  }
  Counter counter{1000};
  auto range = executor.map(square, counter, farm::MapOptions{.chunksize = 100, .buffersize = 10});
  CHECK(*counter.taken() == 10);  // an lvalue range is held by reference
  CHECK(range.to_vector().size() == 1000);
}

TEST_CASE("an error is thrown at its own position, and the results after it remain available") {
  farm::MPIPoolExecutor executor{{.max_workers = 2}};
  for (std::int64_t const buffersize : {0, 1, 2}) {
    CAPTURE(buffersize);
    auto range = executor.map(positive, std::vector{1, -2, 3, -4}, farm::MapOptions{.buffersize = buffersize});
    auto it = range.begin();
    CHECK(*it == 1);
    CHECK_THROWS_AS(++it, std::domain_error);
    CHECK_FALSE(it == range.end());
    ++it;
    CHECK(*it == 3);
    CHECK_THAT(error_of([&] { ++it; }), contains("(input 3)"));
    ++it;
    CHECK(it == range.end());
  }
  auto at_once = executor.map(positive, std::vector{-1, 2});
  CHECK_THROWS_AS(at_once.begin(), std::domain_error);
  CHECK(*at_once.begin() == 2);
  CHECK(*at_once.begin() == 2);
}

TEST_CASE("the error of a chunk names the input, and the chunks after it remain available") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto range = executor.map(positive, std::vector{0, 1, 2, 3, -4, 5, 6, 7}, farm::MapOptions{.chunksize = 3});
  for (int i = 0; i < 3; ++i) CHECK(range.next() == i);
  try {
    range.next();
    FAIL("nothing was thrown");
  } catch (farm::TaskError const& error) {
    CHECK(error.input() == 4U);
    CHECK(error.text() == "negative");
  }
  CHECK(range.next() == 6);
  CHECK(range.next() == 7);
  CHECK_FALSE(range.next());
  CHECK_FALSE(range.next());
}

TEST_CASE("a value that cannot be packed or unpacked fails at its own position") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const identity = [](Picky p) { return p; };
  auto const plus_one = [](Picky p) { return Picky{p.value + 1}; };
  for (std::int64_t const chunksize : {1, 4}) {
    CAPTURE(chunksize);
    std::vector<Picky> const inputs{{11}, {13}, {15}};
    auto range = executor.map(identity, inputs, farm::MapOptions{.chunksize = chunksize});
    CHECK(range.next()->value == 11);
    CHECK_THROWS_AS(range.next(), farm::SerializationError);
    CHECK(range.next()->value == 15);
    CHECK_FALSE(range.next());
  }
  auto range = executor.map(plus_one, std::vector<Picky>{{13}, {14}, {12}, {1}});
  CHECK_THAT(error_of([&] { range.next(); }), contains("not thirteen"));  // Picky{13} is not packed
  CHECK_THAT(error_of([&] { range.next(); }), contains("not fourteen"));  // not unpacked on the rank
  CHECK_THAT(error_of([&] { range.next(); }), contains("not thirteen"));  // the result is not packed
  CHECK(range.next()->value == 2);
  struct OnlyThere {
    int value = 0;
    void save(farm::PackArchive& archive) const { archive(value); }
    void load(farm::UnpackArchive& archive) {
      archive(value);
      if (value == 1) throw 1;
    }
  };
  auto bad =
      executor.map([](int i) { return OnlyThere{i}; }, std::vector{0, 1, 2, 3, 4}, farm::MapOptions{.chunksize = 3});
  CHECK(bad.next()->value == 0);
  CHECK_THROWS_AS(bad.next(), farm::SerializationError);
  CHECK(bad.next()->value == 3);
}

TEST_CASE("an iterator's exception is thrown by the call, or at its position if there is a buffersize") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const path = path_of("broken");
  auto const blocker = executor.submit(when_there, 1, path);
  auto const leave_trace = [](int i, std::string const& file) { create(file + std::to_string(i)); };
  CHECK_THROWS_WITH(executor.map(leave_trace, Counter{100, 3}, std::vector(100, path)), "the generator broke");
  create(path);
  blocker.result();
  CHECK(executor.submit(square, 3).result() == 9);
  for (int const i : {0, 1, 2})
    CHECK_FALSE(std::ifstream{path + std::to_string(i)});  // these were submitted, then cancelled

  for (bool const unordered : {false, true}) {
    CAPTURE(unordered);
    auto range = executor.map(square, Counter{100, 3},
                              farm::MapOptions{.chunksize = 2, .unordered = unordered, .buffersize = 10});
    int sum = 0;
    for (int i = 0; i < 3; ++i) sum += *range.next();
    CHECK(sum == 0 + 1 + 4);
    CHECK_THROWS_WITH(range.next(), "the generator broke");
    CHECK_FALSE(range.next());
  }
}

TEST_CASE("the timeout counts from the call, and the results remain available after it") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  executor.bootup();
  for (bool const unordered : {false, true}) {
    CAPTURE(unordered);
    auto const path = path_of(unordered ? "late-unordered" : "late");
    auto range = executor.map(when_there, std::vector{1, 2}, std::vector(2, path),
                              farm::MapOptions{.timeout = 10ms, .unordered = unordered});
    CHECK_THROWS_AS(range.next(), farm::TimeoutError);
    CHECK_THAT(error_of([&] { range.next(); }), contains("2 of 2 results of the map"));
    create(path);
    executor.submit(square, 1).result();  // both are done by then
    CHECK(range.next() == 1);
    CHECK(range.next() == 2);
    CHECK_FALSE(range.next());
  }
}

TEST_CASE("destroying the range cancels the tasks that have not started, and running tasks end") {
  auto const path = path_of("left");
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  executor.bootup();
  auto const blocker = executor.submit(when_there, 0, path);
  {
    auto const range = executor.map([](int i, std::string const& file) { create(file + std::to_string(i)); },
                                    std::vector{1, 2, 3}, std::vector(3, path));
  }
  create(path);
  executor.submit(square, 1).result();
  for (int const i : {1, 2, 3}) CHECK_FALSE(std::ifstream{path + std::to_string(i)});
}

TEST_CASE("a range may outlive its executor: it has the submitted results and takes no further inputs") {
  std::optional<farm::MappedRange<int>> all;
  std::optional<farm::MappedRange<int>> some;
  Counter endless;
  {
    farm::MPIPoolExecutor executor{{.max_workers = 2}};
    all = executor.map(square, std::vector{1, 2, 3});
    some = executor.map(square, endless, farm::MapOptions{.buffersize = 2});
  }
  CHECK(all->to_vector() == std::vector{1, 4, 9});
  CHECK(some->next() == 0);
  CHECK(some->next() == 1);
  CHECK_THROWS_AS(some->next(), farm::ShutdownError);
  CHECK_FALSE(some->next());
}

TEST_CASE("a range can be moved while it is being iterated") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto range = executor.map(square, std::vector{1, 2, 3});
  CHECK(*range.begin() == 1);
  auto moved = std::move(range);
  CHECK(*moved.begin() == 1);
  CHECK(*++moved.begin() == 4);
  moved = executor.map(square, std::vector{5});
  CHECK(moved.to_vector() == std::vector{25});
}

TEST_CASE("each option out of range is refused at the call, before any input is taken") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  farm::Pool pool{{.max_workers = 1}};
  farm::MPISpawnPool spawn_pool{{.max_ranks = 1}};
  Counter counter;
  auto const text = [&](farm::MapOptions const& options) {
    auto of_executor = error_of([&] { executor.map(square, counter, options); });
    CHECK(error_of([&] { pool.map(square, counter, options); }) == of_executor);
    CHECK(error_of([&] { pool.imap_unordered(square, counter, options); }) == of_executor);
    CHECK(error_of([&] { spawn_pool.map(square, counter, options); }) == of_executor);
    CHECK(error_of([&] { executor.starmap(square, std::vector<std::tuple<int>>{}, options); }) == of_executor);
    return of_executor;
  };
  CHECK_THAT(text({.chunksize = 0}), contains("chunksize is 0"));
  CHECK_THAT(text({.chunksize = -1}), contains("chunksize is -1"));
  CHECK_THAT(text({.buffersize = -1}), contains("buffersize is -1"));
  CHECK_THAT(text({.timeout = -1s}), contains("timeout of map is negative"));
  CHECK(*counter.taken() == 0);
  CHECK_THROWS_AS(executor.map(square, counter, farm::MapOptions{.chunksize = 0}), std::invalid_argument);
}

TEST_CASE("progress is reported while the results are taken") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  std::vector<std::pair<std::size_t, std::size_t>> told;
  farm::MapOptions options{.chunksize = 2, .progress = [&](farm::Progress const& progress) {
                             told.emplace_back(progress.done, progress.total);
                           }};
  executor.map(square, std::vector{1, 2, 3}, options).to_vector();
  CHECK(told == std::vector<std::pair<std::size_t, std::size_t>>{{0, 3}, {2, 3}, {3, 3}});
  told.clear();
  options.buffersize = 2;
  executor.map(square, std::vector{1, 2, 3}, options).to_vector();
  CHECK(told == std::vector<std::pair<std::size_t, std::size_t>>{{0, 2}, {2, 2}, {3, 3}});
}

TEST_CASE("maps of higher priority go first") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  executor.bootup();
  auto const path = path_of("priority");
  auto const order = path_of("order");
  auto const blocker = executor.submit(when_there, 0, path);
  auto const note = [](int i, std::string const& file) { std::ofstream{file, std::ios::app} << i << ' '; };
  auto low = executor.map(note, std::vector{1, 2}, std::vector(2, order));
  auto high = executor.map(note, std::vector{3, 4}, std::vector(2, order), farm::MapOptions{.priority = 1});
  create(path);
  low.to_vector();
  high.to_vector();
  std::string line;
  std::getline(std::ifstream{order}, line);
  CHECK(line == "3 4 1 2 ");
}

TEST_CASE("a map that collects errors has a value or an error for each input, in order") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  std::vector<int> const inputs{0, 1, 2, -3, 4, -5, 6, 7, 8};
  for (std::int64_t const chunksize : {1, 3, 100}) {
    CAPTURE(chunksize);
    auto const outcomes = pool.map(positive, inputs, farm::collect_errors({.chunksize = chunksize}));
    REQUIRE(outcomes.size() == inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CHECK(outcomes[i].has_value() == (inputs[i] >= 0));
      if (outcomes[i]) CHECK(*outcomes[i] == inputs[i]);
    }
    CHECK_THROWS_AS(outcomes[3].value(), std::domain_error);
    CHECK_THROWS_AS(outcomes[5].value(), farm::TaskError);
    CHECK_THAT(outcomes[5].error_text(), contains("(input 5), rank 0 of 1 on ") && contains("negative"));
    CHECK(outcomes[0].error() == nullptr);
    CHECK(outcomes[0].error_text().empty());
    CHECK(outcomes[3].value_or(9) == 9);
  }
}

TEST_CASE("every kind of map collects errors") {
  std::vector<int> const inputs{1, -2, 3};
  auto const is_right = [](auto const& outcomes) {
    return outcomes.size() == 3 && outcomes[0].value() == 1 && !outcomes[1] && outcomes[2].value() == 3;
  };
  std::vector<std::tuple<int>> const tuples{{1}, {-2}, {3}};
  auto const options = farm::collect_errors({.chunksize = 2});
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  CHECK(is_right(executor.map(positive, inputs, options).to_vector()));
  CHECK(is_right(executor.starmap(positive, tuples, options).to_vector()));
  auto unordered = farm::collect_errors({.chunksize = 3, .unordered = true});
  std::multiset<std::string> kinds;
  for (auto const& outcome : executor.map(positive, inputs, unordered))
    kinds.insert(outcome ? std::to_string(*outcome) : "error");
  CHECK(kinds == std::multiset<std::string>{"1", "3", "error"});
  executor.shutdown();
  farm::Pool pool{{.max_workers = 1}};
  CHECK(is_right(pool.map(positive, inputs, farm::collect_errors)));
  CHECK(is_right(pool.starmap(positive, tuples, farm::collect_errors)));
  CHECK(is_right(pool.imap(positive, inputs, options).to_vector()));
  CHECK(pool.imap_unordered(positive, inputs, options).to_vector().size() == 3);
  CHECK(is_right(pool.map_async(positive, inputs, options).get()));
  CHECK(is_right(pool.starmap_async(positive, tuples, options).get()));
  auto const nothing = pool.map([](int i) { positive(i); }, inputs, options);
  CHECK(nothing[0].has_value());
  CHECK_FALSE(nothing[1].has_value());
  CHECK_NOTHROW(nothing[2].value());
}

TEST_CASE("a call that costs its group does not cost the other results of its chunk") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const leave = [](int i) {
    if (i == 2) _exit(7);
    if (i == 4) sleep(60);
    return i;
  };
  for (bool const unordered : {false, true}) {
    auto const outcomes = pool.map(
        leave, std::vector{0, 1, 2, 3, 4, 5},
        farm::collect_errors({.chunksize = 6, .unordered = unordered, .task = {.timeout = 2s, .name = "sim"}}));
    REQUIRE(outcomes.size() == 6);
    int sum = 0;
    std::string errors;
    for (auto const& outcome : outcomes) {
      if (outcome) sum += *outcome;
      errors += outcome.error_text();
    }
    CHECK(sum == 0 + 1 + 3 + 5);
    CHECK_THAT(errors, contains("(sim 2) has ended its process itself") && contains("(sim 4) ran longer than"));
  }
}

TEST_CASE("a map that collects errors on groups of several ranks has all results, too") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  auto const one_throws = [](int i, farm::Comm const& comm) {
    if (i == 1 && comm.rank() == 1) throw std::domain_error("rank 1");
    comm.barrier();
    return i;
  };
  auto const outcomes = pool.map(one_throws, std::vector{0, 1, 2}, farm::collect_errors({.chunksize = 3}));
  CHECK(outcomes[0].value() == 0);
  CHECK_THAT(outcomes[1].error_text(), contains("rank 1 of 2"));
  CHECK(outcomes[2].value() == 2);
}

TEST_CASE("a value that cannot be packed or unpacked is an error at its own place, also in a chunk") {
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  auto const plus_one = [](Picky p) { return Picky{p.value + 1}; };
  for (std::int64_t const chunksize : {1, 4}) {
    CAPTURE(chunksize);
    auto const outcomes =
        executor
            .map(plus_one, std::vector<Picky>{{13}, {14}, {12}, {1}}, farm::collect_errors({.chunksize = chunksize}))
            .to_vector();
    CHECK_THAT(outcomes.at(0).error_text(), contains("not thirteen"));
    CHECK_THAT(outcomes.at(1).error_text(), contains("not fourteen"));
    CHECK_THAT(outcomes.at(2).error_text(), contains("not thirteen"));
    CHECK(outcomes.at(3)->value == 2);
  }
}

TEST_CASE("the tasks of a map have the options of TaskOptions") {
  farm::MPISpawnPool pool{{.max_ranks = 2}};
  auto const size = [](int, farm::Comm const& comm) { return comm.size(); };
  CHECK(pool.map(size, std::vector{1, 2}, farm::MapOptions{.task = {.ranks = 2}}) == std::vector{2, 2});
  auto const second = [](int, farm::TaskContext const& context) {
    if (context.attempt() == 1) throw std::domain_error("once more");
    return context.attempt();
  };
  CHECK(pool.map(second, std::vector{1, 2}, {.task = {.retries = 1}}) == std::vector<std::uint32_t>{2, 2});
  auto const retried =
      pool.map(second, std::vector{1, 2}, farm::collect_errors({.chunksize = 2, .task = {.retries = 1}}));
  CHECK(retried.at(1).value() == 2);
  auto const slow = [](int) { sleep(60); };
  CHECK_THROWS_AS(pool.map(slow, std::vector{1}, {.task = {.timeout = 100ms}}), farm::TimeoutError);
  CHECK_THAT(error_of([&] {
               pool.map(positive, std::vector{1, -2}, {.task = {.name = "sim"}});
             }),
             contains("(sim 1, input 1)"));
  CHECK_THROWS_AS(pool.map(positive, std::vector{1}, {.task = {.ranks = 3}}), farm::UsageError);
}

TEST_CASE("options and inputs may be given in braces") {
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  farm::MPIPoolExecutor executor{{.max_workers = 1}};
  farm::Pool serial{{.max_workers = 1}};
  std::vector<int> const inputs{1, 2, 3};
  auto const add = [](int a, int b) { return a + b; };
  std::vector const squares{1, 4, 9};
  std::vector const sums{5, 7};
  auto const check = [&](auto& any) {
    auto const vector_of = [](auto results) {
      if constexpr (requires { results.to_vector(); }) {
        return results.to_vector();
      } else {
        return results;
      }
    };
    CHECK(vector_of(any.map(square, inputs, {.chunksize = 3})) == squares);
    CHECK(vector_of(any.map(square, {1, 2, 3})) == squares);
    CHECK(vector_of(any.map(square, {1, 2, 3}, {.chunksize = 2})) == squares);
    CHECK(vector_of(any.map(square, {1, 2, 3}, farm::collect_errors)).size() == 3);
    CHECK(vector_of(any.map(add, {1, 2}, {4, 5})) == sums);
    CHECK(vector_of(any.map(add, inputs, {4, 5})) == sums);
    CHECK(vector_of(any.map(add, inputs, inputs, {.chunksize = 3})) == std::vector{2, 4, 6});
    CHECK(vector_of(any.starmap(add, std::vector<std::pair<int, int>>{{1, 2}}, {.chunksize = 3})) == std::vector{3});
  };
  check(pool);
  check(executor);
  check(serial);
  CHECK(serial.imap(square, {1, 2}).to_vector() == std::vector{1, 4});
  CHECK(serial.imap_unordered(square, inputs, {.chunksize = 3}).to_vector() == squares);
}
