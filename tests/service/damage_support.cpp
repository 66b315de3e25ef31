#include "tests/service/damage_support.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

using namespace farm::detail;

namespace store_test {
namespace {

std::optional<std::string> content_of(std::filesystem::path const& file) {
  if (!std::filesystem::exists(file)) return std::nullopt;
  return read_file(file);
}

/// Returns what a store says of a job that it should not, or does not say without a line about it.
std::string job_problem(Content const& found, Content const& expected, std::uint64_t number) {
  auto const& job = found.jobs.at(number);
  auto const& wanted = expected.jobs.at(number);
  if (!(job.job.spec == wanted.job.spec) || job.job.tasks != wanted.job.tasks) return "has another specification";
  auto const is_changed = job.job.held != wanted.job.held || job.job.priority != wanted.job.priority;
  if (is_changed && !has_line(found.damage, "change")) return "lacks a change without a word";
  for (std::uint64_t task = 0; task < job.job.tasks; ++task) {
    auto const& input = found.inputs.at(number)[task];
    auto const is_lost = input.input.empty();
    if (!is_lost && !(input == expected.inputs.at(number)[task])) return fmt::format("has a wrong input {}", task);
    if (is_lost && !has_line(found.damage, fmt::format("the inputs of these tasks of job {} are lost", number)))
      return fmt::format("lacks input {} without a word", task);
    auto const& known = expected.ends.at({number, task});
    std::size_t right = 0;
    for (auto const& end : found.ends.at({number, task})) {
      auto const is_known = std::find(known.begin(), known.end(), end) != known.end();
      if (!is_known && !(is_lost && end.value.find("LostInput") != std::string::npos))
        return fmt::format("has a wrong end of task {}", task);
      right += is_known ? 1 : 0;
    }
    if (right < known.size() && !has_line(found.damage, "of tasks")) return fmt::format("lacks ends of task {}", task);
    if (is_lost && !has_ended(job.states[task])) return fmt::format("has task {} wait without an input", task);
  }
  return {};
}

}  // namespace

bool has_line(std::vector<std::string> const& lines, std::string const& word) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](auto const& line) { return line.find(word) != std::string::npos; });
}

Files Files::read(Scratch const& scratch) {
  return {.database = content_of(scratch.database()),
          .log = content_of(scratch.log()),
          .acknowledged = content_of(scratch.path() / "queue.acknowledged")};
}

void Files::write(Scratch const& scratch) const {
  if (database) write_file(scratch.database(), *database);
  if (log) write_file(scratch.log(), *log);
  if (acknowledged) write_file(scratch.path() / "queue.acknowledged", *acknowledged);
}

Content Content::read(Store& store) {
  Content content;
  content.damage = store.damage();
  for (auto& job : store.load()) {
    auto const number = job.job.number;
    content.inputs[number] = store.tasks(number, 0, job.job.tasks);
    for (std::uint64_t task = 0; task < job.job.tasks; ++task)
      content.ends[{number, task}] = store.history(number, task);
    content.jobs[number] = std::move(job);
  }
  static_cast<void>(store.load_groups());
  return content;
}

Sample make_sample(bool with_log) {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    auto job = job_of(store);
    job.spec.name = "first";
    add_job(store, job, tasks_of(40));
    add_ends(store, {end_of(1, 0), end_of(1, 1, TaskState::failed, "{}")});
  }
  Sample sample;
  auto store = std::make_unique<Store>(scratch.path());
  add_job(*store, tasks_of(600));
  add_ends(*store, {end_of(1, 1, TaskState::waiting), end_of(1, 39)});
  add_job(*store, tasks_of(2));
  for (std::uint64_t i = 0; i < 5; ++i) add_ends(*store, {end_of(2, 599 - i)});
  REQUIRE(change(*store, {.job = 2, .held = true, .priority = 5}).empty());
  REQUIRE(change(*store, {.job = 3, .forgotten = true}).empty());
  store->add_group({.group = 7, .details = "{}"});
  add_ends(*store, {end_of(1, 2), end_of(1, 1, TaskState::finished, "[1]")});
  sample.content = Content::read(*store);
  if (!with_log) store.reset();
  sample.files = Files::read(scratch);
  return sample;
}

std::string opening_problem(Files const& files, Content const& expected, Content* result) {
  Scratch const scratch;
  files.write(scratch);
  Content found;
  try {
    Store store{scratch.path()};
    found = Content::read(store);
  } catch (std::exception const& error) {
    return fmt::format("an exception: {}", error.what());
  }
  if (result != nullptr) *result = found;
  auto const with_lines = [&](std::string const& text) {
    return fmt::format("{} ({})", text, fmt::join(found.damage, "; "));
  };
  for (auto const& [number, job] : expected.jobs) {
    if (!found.jobs.contains(number)) {
      if (!has_line(found.damage, "with all tasks and results") && !has_line(found.damage, "cannot be told"))
        return with_lines(fmt::format("job {} is missing without a word", number));
    } else if (auto const problem = job_problem(found, expected, number); !problem.empty()) {
      return with_lines(fmt::format("job {} {}", number, problem));
    }
  }
  for (auto const& [number, job] : found.jobs) {
    if (!expected.jobs.contains(number) && !has_line(found.damage, "change"))
      return with_lines(fmt::format("job {} has come back without a word", number));
  }
  for (auto const& line : found.damage) {
    if (line.find('\n') != std::string::npos) return with_lines("a line of damage has several lines");
  }
  // A second time all is well.
  try {
    Store const store{scratch.path()};
    if (!store.damage().empty()) return with_lines(fmt::format("again: {}", store.damage().front()));
  } catch (std::exception const& error) {
    return with_lines(fmt::format("again: {}", error.what()));
  }
  return {};
}

}  // namespace store_test
