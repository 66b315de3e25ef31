#include "spawn/service/store/recovery/salvage.hpp"

#include "spawn/service/store/disk/end_lines.hpp"
#include "spawn/service/store/disk/lines.hpp"
#include "spawn/service/store/disk/states.hpp"
#include "spawn/service/store/recovery/records.hpp"

#include "io/files/hash.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>

namespace farm::detail {
namespace {

constexpr std::size_t named_at_most = 10;  // numbers or ranges in one line

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::uint64_t hash_of(std::string_view text) {
  thread_local Hash hash;
  hash.add(text.data(), text.size());
  return hash.take();
}

template <class Item>
std::string shortened(std::vector<Item> const& items) {
  auto const count = std::min(items.size(), named_at_most);
  return fmt::format("{}{}", fmt::join(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(count), ", "),
                     count < items.size() ? ", ..." : "");
}

std::string_view plural(std::int64_t count) { return count == 1 ? "" : "s"; }

}  // namespace

Salvage::Salvage(std::filesystem::path const& database) : database_{database, Database::Access::create} {
  database_.execute("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF");  // it counts only once it is complete
  make_tables(database_);
  for (auto const& table : {inputs_table, ends_table, hosts_table, kept_groups_table, damage_table})
    inserts_.emplace(table.name, Statement{database_, insert_into(table, "OR IGNORE")});
}

void Salvage::read(PageImage const& image) {
  database_.execute("BEGIN");
  auto const accept = [&](Row const& row, bool) { return take(row); };
  PageImage::Page page{};
  for (std::size_t i = 0; i < image.frames(); ++i) {
    if (image.read_frame(i, page)) for_each_record(image, page, {image.commit_of(i), image.frames(), 0}, accept);
  }
  for (std::size_t number = 1; number <= image.file_pages(); ++number) {
    image.read_file_page(static_cast<std::uint32_t>(number), page);
    for_each_record(image, page, {0, image.frames()}, accept);
  }
  database_.execute("COMMIT");
}

bool Salvage::take(Row const& row) {
  auto const* const table =
      std::find_if(all_tables.begin(), all_tables.end(), [&](Table const& t) { return is_intact(t, row); });
  if (table == all_tables.end()) return false;
  if (table->name == jobs_table.name) {
    take_job(row);
  } else if (table->name == counters_table.name) {
    auto const counters = counters_of(row);
    if (!counters_ || counters.commits > counters_->commits) counters_ = counters;
  } else {
    insert(*table, row);
  }
  return true;
}

void Salvage::take_job(Row const& row) {
  auto& job = jobs_[row[jobs_column::number].integer];
  if (!job.numbers.empty() && job.numbers[jobs_column::version] >= row[jobs_column::version].integer) return;
  job.numbers.clear();
  for (std::size_t i = 0; i < jobs_column::spec; ++i) job.numbers.push_back(row[i].integer);
  job.spec = row[jobs_column::spec].text;
}

void Salvage::insert(Table const& table, Row const& row) {
  auto fresh = row;
  if (!table.key_counts) fresh[0] = {};  // the old key may be that of another row
  inserts_.at(table.name).run(fresh);
}

bool Salvage::is_alive(std::int64_t job) const {
  auto const found = jobs_.find(job);
  return found != jobs_.end() && found->second.numbers[jobs_column::forgotten] == 0;
}

void Salvage::write_jobs() {
  Statement statement{database_, insert_into(jobs_table)};
  for (auto const& [number, job] : jobs_) {
    Row row;
    for (auto const value : job.numbers) row.emplace_back(value);
    row.emplace_back(job.spec);
    statement.run(with_checksum(jobs_table, std::move(row)));
  }
}

/// Counts the different ends of a job, and removes rows that hold none that later rows lack.
std::int64_t Salvage::count_ends(std::int64_t job) {
  std::unordered_set<std::uint64_t> known;
  std::vector<std::int64_t> superfluous;
  {
    Statement statement{database_, "SELECT id, lines FROM ends WHERE job = ? ORDER BY run DESC, level DESC"};
    auto rows = statement.rows({job});
    while (rows.next()) {
      bool is_new = false;
      for_each_line(rows.text(1), [&](std::string_view line) {
        if (!known.insert(hash_of(line)).second) return;
        is_new = true;
        static_cast<void>(
            end_of_line(0, line, [&](std::int64_t hosts) { return hosts_.insert(hosts), std::string{}; }));
      });
      if (!is_new) superfluous.push_back(rows.integer(0));
    }
  }
  Statement remove{database_, "DELETE FROM ends WHERE id = ?"};
  for (auto const id : superfluous) remove.run({id});
  return static_cast<std::int64_t>(known.size());
}

/// Removes what belongs to no job, and counts the ends of all that were not forgotten.
void Salvage::drop_unwanted() {
  std::vector<std::int64_t> numbers;
  {
    Statement statement{database_, "SELECT DISTINCT job FROM ends UNION SELECT DISTINCT job FROM inputs"};
    auto rows = statement.rows();
    while (rows.next()) numbers.push_back(rows.integer(0));
  }
  Statement remove_inputs{database_, "DELETE FROM inputs WHERE job = ?"};
  Statement remove_ends{database_, "DELETE FROM ends WHERE job = ?"};
  for (auto const number : numbers) {
    auto const is_forgotten = jobs_.contains(number) && !is_alive(number);
    if (!is_forgotten) ends_ += count_ends(number);
    if (is_alive(number)) continue;
    remove_inputs.run({number});
    remove_ends.run({number});
  }
}

void Salvage::report_jobs(Counters const& expected, std::vector<std::string>& lost) const {
  auto const missing = expected.jobs - static_cast<std::int64_t>(jobs_.size());
  std::int64_t versions = 0;
  for (auto const& [number, job] : jobs_) versions += job.numbers[jobs_column::version];
  if (missing > 0) {
    std::vector<std::int64_t> gaps;
    for (std::int64_t number = 1; number < expected.next_job && gaps.size() <= named_at_most; ++number) {
      if (!jobs_.contains(number)) gaps.push_back(number);
    }
    lost.push_back(fmt::format(
        "{} job{} with all tasks and results {} lost, of {}{}", missing, plural(missing), missing == 1 ? "is" : "are",
        static_cast<std::int64_t>(gaps.size()) == missing ? "" : "these numbers: ", shortened(gaps)));
  } else if (versions < expected.versions) {
    auto const changes = expected.versions - versions;
    lost.push_back(fmt::format("the last {} change{} of jobs (hold, release, priority, forget) {} lost", changes,
                               plural(changes), changes == 1 ? "is" : "are"));
  }
}

void Salvage::report_inputs(std::int64_t job, std::vector<std::string>& lost) {
  std::vector<std::pair<std::int64_t, std::int64_t>> missing;
  std::int64_t next = 0;
  {
    Statement statement{database_, "SELECT first, count FROM inputs WHERE job = ? ORDER BY first"};
    auto rows = statement.rows({job});
    while (rows.next()) {
      if (rows.integer(0) > next) missing.emplace_back(next, rows.integer(0) - 1);
      next = std::max(next, rows.integer(0) + rows.integer(1));
    }
  }
  auto const tasks = jobs_.at(job).numbers[jobs_column::tasks];
  if (next < tasks) missing.emplace_back(next, tasks - 1);
  if (missing.empty()) return;
  fail_without_input(job, missing);
  std::vector<std::string> ranges;
  for (auto const& [first, last] : missing)
    ranges.push_back(first == last ? fmt::to_string(first) : fmt::format("{} to {}", first, last));
  lost.push_back(
      fmt::format("the inputs of these tasks of job {} are lost, and those that had not ended have failed: {}", job,
                  shortened(ranges)));
}

void Salvage::fail_without_input(std::int64_t job, std::vector<std::pair<std::int64_t, std::int64_t>> const& missing) {
  auto const tasks = static_cast<std::uint64_t>(jobs_.at(job).numbers[jobs_column::tasks]);
  auto const number = static_cast<std::uint64_t>(job);
  auto const known = read_states(database_, number, tasks).states;
  TaskEnd end{.job = number, .state = TaskState::failed, .ended = now()};
  end.value = R"({"type":"LostInput","text":"the input of this task was lost when queue.db was damaged",)"
              R"("rank":null,"host":null})";
  auto const run = counters_->commits + 1;
  LineList lines;
  std::int64_t lowest = 0;
  auto const write = [&](std::int64_t highest) {
    auto const count = static_cast<std::int64_t>(lines.count());
    auto const text = lines.take();
    insert(ends_table, with_checksum(ends_table, {Cell{}, job, run, std::int64_t{0}, lowest, highest, count, text}));
  };
  for (auto const& [first, last] : missing) {
    std::int64_t highest = first;
    for (auto task = first; task <= last; ++task) {
      if (has_ended(known[static_cast<std::size_t>(task)])) continue;
      if (lines.count() == 0) lowest = task;
      highest = task;
      end.task = static_cast<std::uint64_t>(task);
      std::string line;
      append_line(line, end, 0);
      lines.add(line);
      if (lines.is_full()) write(highest);
    }
    if (lines.count() > 0) write(highest);
  }
}

std::vector<std::string> Salvage::finish(std::optional<Counters> const& acknowledged) {
  std::vector<std::string> lost;
  auto const is_known = counters_ || acknowledged;
  if (acknowledged && (!counters_ || acknowledged->commits > counters_->commits)) counters_ = acknowledged;
  if (!counters_) counters_ = Counters{};
  auto const expected = *counters_;
  database_.execute("BEGIN");
  write_jobs();
  drop_unwanted();
  if (is_known) report_jobs(expected, lost);
  for (auto const& [number, job] : jobs_) {
    if (is_alive(number)) report_inputs(number, lost);
  }
  if (auto const ends = expected.ends - ends_; is_known && ends > 0) {
    lost.push_back(fmt::format("{} result{} or error{} of tasks {} lost; those tasks run again", ends, plural(ends),
                               plural(ends), ends == 1 ? "is" : "are"));
  }
  auto const groups = expected.groups - database_.integer("SELECT count(*) FROM kept_groups");
  if (is_known && groups > 0) lost.push_back(fmt::format("{} group{} cannot be taken over", groups, plural(groups)));
  for (auto const hosts : hosts_) {
    if (database_.integer(fmt::format("SELECT count(*) FROM hosts WHERE id = {}", hosts)) == 0) {
      lost.emplace_back("the names of the hosts on which some tasks ran are lost");
      break;
    }
  }
  if (!is_known) lost.emplace_back("how much is lost cannot be told");
  write_counters();
  database_.execute("COMMIT");
  return lost;
}

/// Writes counters that fit what there is now.
void Salvage::write_counters() {
  auto counters = *counters_;
  counters.format = store_format;
  counters.commits += 2;
  counters.jobs = static_cast<std::int64_t>(jobs_.size());
  counters.versions = database_.integer("SELECT coalesce(sum(version), 0) FROM jobs");
  counters.ends = database_.integer("SELECT coalesce(sum(count), 0) FROM ends");
  counters.groups = database_.integer("SELECT count(*) FROM kept_groups");
  counters.next_job = std::max(counters.next_job, jobs_.empty() ? 1 : jobs_.rbegin()->first + 1);
  Statement{database_, insert_into(counters_table, "OR REPLACE")}.run(with_checksum(counters_table, row_of(counters)));
}

void Salvage::note(std::vector<std::string> const& lines) {
  auto const found = static_cast<std::int64_t>(now() * 1e6);
  for (auto const& line : lines) insert(damage_table, with_checksum(damage_table, {Cell{}, found, line}));
}

void Salvage::seal() {
  inserts_.clear();
  database_.execute("PRAGMA synchronous=FULL; PRAGMA journal_mode=WAL");
}

}  // namespace farm::detail
