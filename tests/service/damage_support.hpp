#pragma once

#include "tests/service/store_support.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// What the tests of damaged databases share.
namespace store_test {

/// The files of a state directory; those without a value are missing.
struct Files {
  std::optional<std::string> database{};
  std::optional<std::string> log{};
  std::optional<std::string> acknowledged{};

  [[nodiscard]] static Files read(Scratch const& scratch);
  void write(Scratch const& scratch) const;
};

/// All that a store says about its jobs.
struct Content {
  std::map<std::uint64_t, farm::detail::LoadedJob> jobs{};
  std::map<std::uint64_t, std::vector<farm::detail::TaskSpec>> inputs{};
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<farm::detail::TaskEnd>> ends{};
  std::vector<std::string> damage{};

  [[nodiscard]] static Content read(farm::detail::Store& store);
};

/// A small database with jobs 1 and 2, ends that were taken back, changes, a group, and a forgotten job 3.
struct Sample {
  Files files{};
  Content content{};
};
/// With a log, most of it is in the write-ahead log, in several commits; else all is in the database.
[[nodiscard]] Sample make_sample(bool with_log);

/// Opens a store on these files. Returns what is wrong: it throws, it says something that was never added, or something
/// is missing that no line of damage() names. Empty: all is well.
[[nodiscard]] std::string opening_problem(Files const& files, Content const& expected, Content* found = nullptr);

/// Returns true if one of the lines has the word.
[[nodiscard]] bool has_line(std::vector<std::string> const& lines, std::string const& word);

}  // namespace store_test
