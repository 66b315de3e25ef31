// Which result belongs to a call: the identity of functions, keys of arguments, and the calls of chunks.
#include "spawn/cached_calls/cache_thread.hpp"
#include "spawn/cached_calls/call_key.hpp"
#include "spawn/cached_calls/chunk_bytes.hpp"
#include "spawn/cached_calls/function_identity.hpp"

#include <farm/detail/call.hpp>
#include <farm/detail/function_version.hpp>
#include <farm/detail/rank_context.hpp>
#include <farm/error.hpp>
#include <farm/initializer.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"
#include "tests/support/picky.hpp"

using namespace farm::detail;

namespace {

std::string twice(std::string const& text) {
  if (text == "bad") throw std::domain_error("no good");
  return text + text;
}
int with_version(int i) { return i; }
int with_other_version(int i) { return i + 1; }
int with_two_versions(int i) { return i + 2; }
int named(int i) { return i + 3; }
int without_name(int i) { return i + 4; }

void const* address_of(int (*f)(int)) { return reinterpret_cast<void const*>(f); }

template <class F>
FunctionIdentity identity(F const& f) {
  using Called = Call<F, int>;
  auto const bytes = Called::pack_function(f);
  auto notes = Called::notes(f);
  notes.function_bytes = bytes.size();
  auto identity = identity_of(notes, bytes);
  KeyHash hash;
  add_function(hash, identity.key, notes, bytes);
  identity.key = hash.take();
  return identity;
}

using Twice = Call<std::string (*)(std::string const&), std::string>;

/// A chunk of these calls, as a map packs it.
struct Chunk {
  farm::Bytes bytes = Twice::pack_function(&twice);
  CallNotes notes = Twice::notes(&twice);
  Keepers keepers{};

  Chunk(bool in_parts, std::vector<std::string> const& inputs) {
    notes.function_bytes = bytes.size();
    notes.in_parts = in_parts;
    Twice::begin_chunk(bytes, 100);
    for (auto const& input : inputs) {
      if (in_parts) {
        Twice::add_part_to_chunk(bytes, keepers, &notes, input);
      } else {
        Twice::add_to_chunk(bytes, keepers, &notes, input);
      }
    }
  }

  /// Returns what a rank answers.
  [[nodiscard]] farm::Bytes run() const {
    farm::Bytes result;
    RankContext context;
    (notes.in_parts ? Twice::invoke_collecting_chunk : Twice::invoke_chunk)(bytes, context, &result);
    return result;
  }
  void make_hole(std::size_t input) { bytes[notes.inputs.at(input)] = hole_mark; }
};

}  // namespace

TEST_CASE("a function is known by name and version if it has a version, else by its build") {
  add_function_version(address_of(with_version), "with_version", "1");
  add_function_version(address_of(with_other_version), "with_version", "2");
  add_function_name(address_of(named), "named");
  CHECK(identity(&with_version).name == "with_version");
  CHECK(identity(&with_version).version == "1");
  CHECK(identity(&with_version).key == identity(&with_version).key);
  CHECK_FALSE(identity(&with_version).key == identity(&with_other_version).key);
  CHECK(identity(&named).name == "named");
  CHECK_THAT(identity(&named).version, contains("build "));
  CHECK_FALSE(identity(&named).key == identity(&without_name).key);
  add_function_name(address_of(with_version), "later");  // as FARM_TASK does, in any order
  CHECK(identity(&with_version).name == "with_version");
}

TEST_CASE("two versions of one function are a mistake") {
  add_function_version(address_of(with_two_versions), "f", "1");
  add_function_version(address_of(with_two_versions), "f", "1");
  CHECK(registered_function(address_of(with_two_versions))->version == "1");
  add_function_version(address_of(with_two_versions), "f", "2");
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(identity(&with_two_versions)); }),
             contains("gives f two versions, \"1\" and \"2\""));
}

TEST_CASE("lambdas differ by where they are and by what they capture") {
  auto const adder = [](int amount) { return [amount](int i) { return i + amount; }; };
  auto const one = adder(1);
  auto const other = [amount = 1](int i) { return i - amount; };
  CHECK(identity(one).key == identity(adder(1)).key);
  CHECK_FALSE(identity(one).key == identity(adder(2)).key);
  CHECK_FALSE(identity(one).key == identity(other).key);
}

TEST_CASE("the key of a pool has its environment, its directory and its initializer, but no variable of the farm") {
  auto const key = [](farm::WorkerOptions const& workers, farm::Initializer const& initializer = {}) {
    return key_of_pool(workers, initializer).text();
  };
  auto const plain = key({});
  CHECK(plain == key({.environment = {{"FARM_STAGE_DIR", "/tmp"}}}));
  CHECK(plain != key({.environment = {{"A", "1"}}}));
  CHECK(key({.environment = {{"A", "1"}}}) != key({.environment = {{"A", "2"}}}));
  CHECK(plain != key({.working_directory = "/tmp"}));
  CHECK(plain != key({}, farm::initializer(with_version, 1)));
  CHECK(key({}, farm::initializer(with_version, 1)) != key({}, farm::initializer(with_version, 2)));
  CHECK(key({}, farm::initializer(with_version, 1)) == key({}, farm::initializer(with_version, 1)));
  CHECK(key_of_settings({.environment = {{"A", "1"}}}).text() != key_of_settings({}).text());
  CHECK(key_of_settings({.directory = "/tmp"}).text() != key_of_settings({}).text());
  CHECK(key_of_settings({.priority = 3, .name = "a"}).text() == key_of_settings({}).text());
}

TEST_CASE("the calls of a chunk have the keys of single calls") {
  bool const in_parts = GENERATE(false, true);
  Chunk const chunk{in_parts, {"a", "", "ccc"}};
  auto const ranges = arguments_of(chunk.notes, chunk.bytes);
  REQUIRE(ranges.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(ranges[i].of(chunk.bytes) == farm::pack(std::vector<std::string>{"a", "", "ccc"}[i]));
}

TEST_CASE("calls that are holes are not made, and their results are put in where they belong") {
  bool const in_parts = GENERATE(false, true);
  std::vector<std::string> const inputs{"a", "bb", "", "dd", "e"};
  auto const all = Chunk{in_parts, inputs}.run();
  for (unsigned holes = 0; holes < 1U << inputs.size(); ++holes) {
    CAPTURE(in_parts, holes);
    Chunk chunk{in_parts, inputs};
    std::vector<std::optional<farm::Bytes>> known(inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      if ((holes >> i & 1U) == 0) continue;
      chunk.make_hole(i);
      known[i] = farm::pack(twice(inputs[i]));
    }
    auto const value = chunk.run();
    CHECK((value == all) == (holes == 0));
    auto const results = results_of(chunk.notes, value);
    REQUIRE(results.size() == inputs.size());
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      CHECK((results[i].kind == CallResult::Kind::hole) == known[i].has_value());
      if (!known[i]) CHECK(farm::unpack<std::string>(results[i].value.of(value)) == twice(inputs[i]));
    }
    CHECK(with_holes_filled(chunk.notes, value, results, known) == all);
    if (holes == 31) CHECK(value_of_known(chunk.notes, known) == all);
  }
}

TEST_CASE("an error in a chunk keeps the number of its input, whatever holes are before it") {
  Chunk chunk{false, {"a", "b", "bad"}};
  chunk.make_hole(0);
  std::uint64_t input = 0;
  try {
    static_cast<void>(chunk.run());
  } catch (InputFailure const& failure) {
    input = failure.input;
  }
  CHECK(input == 102);
  Chunk parts{true, {"a", "bad", "c"}};
  parts.make_hole(0);
  auto const value = parts.run();
  auto const results = results_of(parts.notes, value);
  REQUIRE(results.size() == 3);
  CHECK(results[1].kind == CallResult::Kind::error);
  auto const filled = with_holes_filled(parts.notes, value, results, {farm::pack(std::string{"aa"}), {}, {}});
  CHECK(filled == Chunk{true, {"a", "bad", "c"}}.run());
}

TEST_CASE("a value that cannot be unpacked is not fit for a cache, and the values beside it are") {
  using Same = Call<Picky (*)(Picky), Picky>;
  auto* const same = +[](Picky picky) { return picky; };
  CallNotes notes = Same::notes(same);
  auto results = results_of(notes, farm::pack(Picky{14}));
  CHECK_THAT(results.at(0).unfit, contains("not fourteen"));
  CHECK(results_of(notes, farm::pack(Picky{1})).at(0).unfit.empty());
  notes.in_parts = true;
  notes.inputs = {0, 1};
  farm::Bytes value;
  for (int const i : {14, 1}) {
    auto const part = begin_part(value, chunk_mark);
    pack_into(value, Picky{i});
    end_part(value, part);
  }
  results = results_of(notes, value);
  CHECK_FALSE(results.at(0).unfit.empty());
  CHECK(results.at(1).unfit.empty());
}

TEST_CASE("the thread of a cache runs all jobs before its end, idle ones last, and logs what they throw") {
  std::string order;
  {
    CacheThread thread;
    std::promise<void> go;
    thread.post([&] { go.get_future().wait(); });
    thread.post_idle([&] { order += "idle "; });
    thread.post([&] { order += "first "; });
    thread.post([&] { order += "second "; });
    go.set_value();
  }
  CHECK(order == "first second idle ");
}

TEST_CASE("a job may destroy the thread of a cache that runs it") {
  auto thread = std::make_shared<CacheThread>();
  std::promise<void> done;
  auto& last = *thread;
  last.post([&done, thread = std::move(thread)]() mutable {
    thread.reset();
    done.set_value();
  });
  done.get_future().wait();
}
