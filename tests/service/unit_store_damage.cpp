#include "tests/service/damage_support.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <random>

using namespace farm::detail;
using namespace store_test;

namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t log_header = 32;
constexpr std::size_t frame = page + 24;

/// FARM_THOROUGH: every byte, which takes long.
bool is_thorough() { return std::getenv("FARM_THOROUGH") != nullptr; }

/// Returns lengths at which to cut a file: all around the borders of pages, and some between them.
std::vector<std::size_t> cuts_of(std::size_t size, std::size_t header, std::size_t block) {
  std::vector<std::size_t> cuts;
  for (std::size_t length = 0; length < size; ++length) {
    auto const at = length < header ? 0 : (length - header) % block;
    auto const is_near_border = at <= 2 || at + 2 >= block || length < header;
    if (is_thorough() || is_near_border || length % 509 == 0) cuts.push_back(length);
  }
  return cuts;
}

/// Opens all variants, and returns the first problem.
template <class Variant>
std::string first_problem(Sample const& sample, std::size_t count, Variant&& variant) {
  for (std::size_t i = 0; i < count; ++i) {
    auto files = sample.files;
    auto const name = variant(i, files);
    if (auto const problem = opening_problem(files, sample.content); !problem.empty())
      return fmt::format("{}: {}", name, problem);
  }
  return {};
}

}  // namespace

TEST_CASE("A database that is whole has no damage", "[damage]") {
  for (auto const with_log : {false, true}) {
    auto const sample = make_sample(with_log);
    CHECK(sample.files.log.has_value() == with_log);
    Content found;
    CHECK(opening_problem(sample.files, sample.content, &found).empty());
    CHECK(found.damage.empty());
    CHECK(found.jobs.size() == 2);
  }
}

TEST_CASE("A database that is cut anywhere is recovered, and what is lost is named", "[damage]") {
  for (auto const with_log : {false, true}) {
    auto const sample = make_sample(with_log);
    auto const cuts = cuts_of(sample.files.database->size(), 0, page);
    CHECK(first_problem(sample, cuts.size(), [&](std::size_t i, Files& files) {
            files.database->resize(cuts[i]);
            return fmt::format("cut at {}", cuts[i]);
          }) == "");
  }
}

TEST_CASE("A write-ahead log that is cut anywhere is recovered, and what is lost is named", "[damage]") {
  auto const sample = make_sample(true);
  auto const cuts = cuts_of(sample.files.log->size(), log_header, frame);
  CHECK(first_problem(sample, cuts.size(), [&](std::size_t i, Files& files) {
          files.log->resize(cuts[i]);
          return fmt::format("cut at {}", cuts[i]);
        }) == "");
}

TEST_CASE("Flipped bits are found, and what they cost is named", "[damage]") {
  std::mt19937_64 random{4711};
  for (auto const with_log : {false, true}) {
    auto const sample = make_sample(with_log);
    auto const count = is_thorough() ? std::size_t{20000} : std::size_t{400};
    CHECK(first_problem(sample, count, [&](std::size_t i, Files& files) {
            auto& bytes = with_log && i % 2 == 0 ? *files.log : *files.database;
            auto const flips = 1 + i % 3;
            std::string name = with_log && i % 2 == 0 ? "log" : "database";
            for (std::size_t k = 0; k < flips; ++k) {
              // headers are small, and count as much as all else
              auto const at = random() % (random() % 4 == 0 ? 128 : bytes.size());
              auto const bit = random() % 8;
              bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
              name += fmt::format(" {}.{}", at, bit);
            }
            return name;
          }) == "");
  }
}

TEST_CASE("Pages of zeros are found, and what they cost is named", "[damage]") {
  for (auto const with_log : {false, true}) {
    auto const sample = make_sample(with_log);
    auto const pages = sample.files.database->size() / page;
    auto const frames = with_log ? (sample.files.log->size() - log_header) / frame : 0;
    CHECK(first_problem(sample, pages + frames, [&](std::size_t i, Files& files) {
            if (i < pages)
              files.database->replace(i * page, page, page, '\0');
            else
              files.log->replace(log_header + (i - pages) * frame, frame, frame, '\0');
            return fmt::format("block {}", i);
          }) == "");
  }
}

TEST_CASE("A file of zeros, of noise, or of nothing is kept aside, and the loss is named", "[damage]") {
  auto const sample = make_sample(false);
  std::mt19937_64 random{42};
  for (auto const kind : {0, 1, 2}) {
    auto files = sample.files;
    if (kind == 2) files.database->clear();
    for (auto& byte : *files.database) byte = kind == 0 ? '\0' : static_cast<char>(random());
    Content found;
    CHECK(opening_problem(files, sample.content, &found) == "");
    CHECK(has_line(found.damage, "2 jobs with all tasks and results are lost, of these numbers: 1, 2, 3") == false);
    CHECK(has_line(found.damage, "3 jobs with all tasks and results are lost, of 1, 2, 3"));
    CHECK(has_line(found.damage, "queue.db.damaged-"));
  }
}

TEST_CASE("What holds the file together is not needed to recover all of it", "[damage]") {
  auto const sample = make_sample(false);
  // Page 1 has the header and the list of tables.
  auto files = sample.files;
  files.database->replace(0, page, page, '\0');
  Content found;
  CHECK(opening_problem(files, sample.content, &found) == "");
  REQUIRE(found.damage.size() == 1);
  CHECK(found.damage.front().find("all of it was recovered; the damaged file is kept as ") != std::string::npos);
}

TEST_CASE("Commits behind a damaged frame of the log are recovered", "[damage]") {
  auto const sample = make_sample(true);
  auto const frames = (sample.files.log->size() - log_header) / frame;
  std::size_t whole = 0;
  for (std::size_t i = 0; i < frames; ++i) {
    auto files = sample.files;
    (*files.log)[log_header + i * frame + 20] ^= 1;  // the checksum of the frame, not the page
    Content found;
    CHECK(opening_problem(files, sample.content, &found) == "");
    CHECK(has_line(found.damage, "it lacks its last"));
    whole += has_line(found.damage, "all of it was recovered") ? 1 : 0;
  }
  CHECK(whole == frames);
}

TEST_CASE("A log that has gone costs acknowledged commits, which is noticed", "[damage]") {
  auto sample = make_sample(true);
  sample.files.log.reset();
  Content found;
  CHECK(opening_problem(sample.files, sample.content, &found) == "");
  CHECK(has_line(found.damage, "it lacks its last"));
  CHECK(has_line(found.damage, "jobs with all tasks and results are lost, of 2, 3"));
  CHECK(found.jobs.at(1).states[1] == TaskState::failed);
}

TEST_CASE("A database that has gone is noticed, and its log is used", "[damage]") {
  for (auto const with_log : {false, true}) {
    auto sample = make_sample(with_log);
    sample.files.database.reset();
    Content found;
    CHECK(opening_problem(sample.files, sample.content, &found) == "");
    CHECK(has_line(found.damage, "the file has gone"));
    CHECK(found.jobs.contains(2) == with_log);
  }
}

TEST_CASE("A damaged note of what was acknowledged is named, and a missing one is made anew", "[damage]") {
  for (auto const with_log : {false, true}) {
    auto sample = make_sample(with_log);
    (*sample.files.acknowledged)[9] ^= 1;
    Content found;
    CHECK(opening_problem(sample.files, sample.content, &found) == "");
    CHECK(has_line(found.damage, "queue.acknowledged was damaged"));
    sample.files.acknowledged.reset();
    CHECK(opening_problem(sample.files, sample.content, &found) == "");
    CHECK(found.damage.empty());
  }
}

TEST_CASE("Tasks whose inputs are lost have failed, and say so", "[damage]") {
  auto const sample = make_sample(false);
  auto files = sample.files;
  auto const at = files.database->find("[256,\n257,");
  REQUIRE(at != std::string::npos);
  (*files.database)[at + 1] = '3';
  Content found;
  CHECK(opening_problem(files, sample.content, &found) == "");
  CHECK(has_line(found.damage,
                 "the inputs of these tasks of job 2 are lost, and those that had not ended have failed: 256 to 511"));
  CHECK(found.inputs.at(2)[255].input == "255");
  CHECK(found.inputs.at(2)[256].input.empty());
  CHECK(found.jobs.at(2).states[255] == TaskState::waiting);
  CHECK(found.jobs.at(2).states[256] == TaskState::failed);
  CHECK(found.ends.at({2, 256}).front().value.find("the input of this task was lost") != std::string::npos);
  CHECK(found.jobs.at(2).states[599] == TaskState::finished);
}

TEST_CASE("A recovered database is as good as any other", "[damage]") {
  auto const sample = make_sample(true);
  Scratch const scratch;
  auto files = sample.files;
  files.database->resize(page);
  files.write(scratch);
  {
    Store store{scratch.path()};
    CHECK_FALSE(store.damage().empty());
    auto const job = add_job(store, tasks_of(10));
    CHECK(job == 4);
    add_ends(store, {end_of(4, 3), end_of(2, 0)});
  }
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  CHECK(store.ends(4, 0, 10) == std::vector<TaskEnd>{end_of(4, 3)});
}

TEST_CASE("A recovery that was interrupted goes on", "[damage]") {
  auto const sample = make_sample(true);
  auto damaged = sample.files;
  damaged.database->replace(0, page, page, '\0');
  std::string recovered;
  {
    Scratch const scratch;
    damaged.write(scratch);
    { Store const store{scratch.path()}; }
    recovered = read_file(scratch.database());
  }
  for (auto const stage : {0, 1, 2, 3}) {
    Scratch const scratch;
    damaged.write(scratch);
    auto const kept = scratch.path() / "queue.db.damaged-20240101T000000";
    auto const with = [&](std::string const& suffix) { return kept.string() + suffix; };
    write_file(stage == 0 ? scratch.path() / "queue.db.new" : std::filesystem::path{with(".recovered")}, recovered);
    if (stage >= 2) std::filesystem::rename(scratch.log(), with("-wal"));
    if (stage >= 3) std::filesystem::rename(scratch.database(), kept);
    Store store{scratch.path()};
    CHECK(has_line(store.damage(), "all of it was recovered"));
    CHECK(Content::read(store).inputs == sample.content.inputs);
    CHECK_FALSE(std::filesystem::exists(with(".recovered")));
    CHECK_FALSE(std::filesystem::exists(scratch.path() / "queue.db.new"));
    if (stage == 0) continue;
    CHECK(read_file(kept) == *damaged.database);
    CHECK(read_file(with("-wal")) == *damaged.log);
  }
}

TEST_CASE("A row that is found damaged while it is read is an error, and the next store recovers", "[damage]") {
  Scratch const scratch;
  make_sample(false).files.write(scratch);
  Store store{scratch.path()};
  auto bytes = read_file(scratch.database());
  auto const at = bytes.find("[256,\n257,");
  REQUIRE(at != std::string::npos);
  bytes[at + 1] = '3';
  write_file(scratch.database(), bytes);
  CHECK(store.tasks(2, 0, 256).size() == 256);
  CHECK_THROWS_WITH(store.tasks(2, 256, 1), contains("is damaged; restart the server"));
  CHECK(std::filesystem::exists(scratch.path() / "queue.suspect"));
}
