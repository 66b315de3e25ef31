#include "spawn/service/store/tables.hpp"

#include "spawn/service/model/job_json.hpp"
#include "spawn/service/store/disk/end_lines.hpp"
#include "spawn/service/store/disk/lines.hpp"
#include "spawn/service/store/recovery/kept_files.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace farm::detail {
namespace {

constexpr int long_log = 2000;                 // pages
constexpr std::size_t ends_per_merge = 50000;  // in one transaction, or those of one merge
constexpr int vacuum_step = 1000;              // pages
constexpr std::size_t most_known = 10000;      // jobs and lists of hosts that are kept in memory
constexpr std::uint64_t largest_number = ~std::uint64_t{0} >> 1U;

std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(number); }

/// Returns why a job cannot be added; empty if it can.
std::string refusal(StoredJob const& job, std::vector<TaskSpec> const& tasks) {
  if (job.number == 0 || job.number > largest_number)
    return fmt::format("{} cannot be the number of a job", job.number);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].input.size() > largest_value)
      return fmt::format("the input of task {} has {} bytes, and the queue takes at most {}", i, tasks[i].input.size(),
                         largest_value);
  }
  return {};
}

}  // namespace

StoreTables::StoreTables(std::filesystem::path const& directory)
    : database_{database_in(directory), Database::Access::write},
      acknowledged_{directory},
      insert_input_{database_, insert_into(inputs_table)},
      insert_end_{database_, insert_into(ends_table)},
      insert_hosts_{database_, insert_into(hosts_table)},
      select_counters_{database_, select_from(counters_table)},
      update_counters_{database_, insert_into(counters_table, "OR REPLACE")},
      find_job_{database_, "SELECT 1 FROM jobs WHERE number = ? AND NOT forgotten"} {
  database_.execute("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=16777216; PRAGMA cache_size=-8192");
  begin();
  roll_back();
  acknowledged_.write(counters_);
}

void StoreTables::begin() {
  database_.execute("BEGIN IMMEDIATE");
  auto rows = select_counters_.rows();
  if (!rows.next()) throw StoreError{fmt::format("{} has lost its counters", database_.file().string())};
  counters_ = counters_of(rows.row());
}

void StoreTables::commit() {
  write_ends();
  ++counters_.commits;
  update_counters_.run(with_checksum(counters_table, row_of(counters_)));
  database_.execute("COMMIT");
  acknowledged_.write(counters_);
  if (jobs_.size() > most_known) jobs_.clear();
  if (hosts_.size() > most_known) hosts_.clear();
}

void StoreTables::roll_back() noexcept {
  jobs_.clear();
  hosts_.clear();
  try {
    database_.execute("ROLLBACK");
  } catch (DatabaseError const&) {  // SQLite has done it already
  }
}

std::string StoreTables::add_job(StoredJob const& job, std::vector<TaskSpec> const& tasks) {
  if (auto reason = refusal(job, tasks); !reason.empty()) return reason;
  std::string spec;
  try {
    spec = spec_to_json(job.spec);
    static_cast<void>(spec_from_json(spec));
  } catch (UsageError const& error) {
    return error.what();
  }
  auto const number = as_signed(job.number);
  if (database_.integer(fmt::format("SELECT count(*) FROM jobs WHERE number = {}", number)) != 0)
    return fmt::format("there is a job {} already", number);
  auto const listed = must_be_listed(tasks);
  auto const submitted = std::llround(job.submitted * 1e6);
  Statement{database_, insert_into(jobs_table)}.run(with_checksum(
      jobs_table, {number, as_signed(tasks.size()), std::int64_t{listed}, std::int64_t{submitted},
                   std::int64_t{job.held}, std::int64_t{job.priority}, std::int64_t{0}, std::int64_t{1}, spec}));
  write_inputs(number, tasks, listed);
  ++counters_.jobs;
  ++counters_.versions;
  counters_.next_job = std::max(counters_.next_job, number + 1);
  return {};
}

void StoreTables::write_inputs(std::int64_t job, std::vector<TaskSpec> const& tasks, bool listed) {
  LineList list;
  std::size_t first = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    list.add(line_of(tasks[i], listed));
    if (!list.is_full() && i + 1 < tasks.size()) continue;
    auto const count = as_signed(list.count());
    auto const text = list.take();
    insert_input_.run(with_checksum(inputs_table, {Cell{}, job, as_signed(first), count, text}));
    first = i + 1;
  }
}

StoreTables::Job* StoreTables::find_job(std::int64_t number) {
  if (auto const found = jobs_.find(number); found != jobs_.end()) return &found->second;
  if (!find_job_.rows({number}).next()) return nullptr;
  return &jobs_.emplace(number, Job{.runs = read_runs(database_, number)}).first->second;
}

void StoreTables::add_ends(std::vector<TaskEnd> const& ends) {
  for (auto const& end : ends) {
    auto* const job = find_job(as_signed(end.job));
    if (job == nullptr) continue;
    append_line(job->lines.text(), end, hosts_key(end.hosts));
    job->lines.added(end.task);
  }
}

void StoreTables::write_ends() {
  for (auto& [number, job] : jobs_) {
    if (job.lines.count() == 0) continue;
    counters_.ends += as_signed(job.lines.count());
    job.runs.push_back(job.lines.write(insert_end_, number, counters_.commits + 1));
    job.lines = {};
    grown_.insert(number);
  }
}

std::int64_t StoreTables::hosts_key(std::string const& names) {
  if (names.empty()) return 0;
  if (auto const known = hosts_.find(names); known != hosts_.end()) return known->second;
  auto key = std::int64_t{0};
  {
    Statement select{database_, "SELECT id FROM hosts WHERE names = ?"};
    auto rows = select.rows({names});
    if (rows.next()) key = rows.integer(0);
  }
  if (key == 0) {
    key = database_.integer("SELECT coalesce(max(id), 0) + 1 FROM hosts");
    insert_hosts_.run(with_checksum(hosts_table, {key, names}));
  }
  hosts_[names] = key;
  return key;
}

std::string StoreTables::change(JobChange const& change) {
  auto const number = as_signed(change.job);
  Statement select{database_, select_from(jobs_table) + " WHERE number = ? AND NOT forgotten"};
  auto rows = select.rows({number});
  if (!rows.next()) return fmt::format("there is no job {}", change.job);
  auto row = rows.row();
  std::string const spec{row[jobs_column::spec].text};  // the row is overwritten before it is left
  row[jobs_column::spec] = spec;
  if (change.held) row[jobs_column::held] = std::int64_t{*change.held};
  if (change.priority) row[jobs_column::priority] = std::int64_t{*change.priority};
  if (change.forgotten) {
    row[jobs_column::forgotten] = std::int64_t{1};
    row[jobs_column::spec] = std::string_view{};
    forget(number);
  }
  ++row[jobs_column::version].integer;
  ++counters_.versions;
  Statement{database_, insert_into(jobs_table, "OR REPLACE")}.run(with_checksum(jobs_table, std::move(row)));
  return {};
}

void StoreTables::forget(std::int64_t job) {
  counters_.ends -= database_.integer(fmt::format("SELECT coalesce(sum(count), 0) FROM ends WHERE job = {}", job));
  database_.execute(fmt::format("DELETE FROM ends WHERE job = {0}; DELETE FROM inputs WHERE job = {0}", job));
  jobs_.erase(job);
}

void StoreTables::add_group(StoredGroup const& group) {
  auto const number = as_signed(group.group);
  if (database_.integer(fmt::format("SELECT count(*) FROM kept_groups WHERE number = {}", number)) == 0)
    ++counters_.groups;
  Statement{database_, insert_into(kept_groups_table, "OR REPLACE")}.run(
      with_checksum(kept_groups_table, {number, group.details}));
}

void StoreTables::remove_group(std::uint64_t group) {
  database_.execute(fmt::format("DELETE FROM kept_groups WHERE number = {}", as_signed(group)));
  counters_.groups -= database_.integer("SELECT changes()");
}

bool StoreTables::merge(std::size_t waiting) {
  std::size_t merged = 0;
  for (auto next = grown_.begin(); next != grown_.end() && merged < ends_per_merge;) {
    auto const number = *next;
    auto const job = jobs_.find(number);
    if (job == jobs_.end() || !find_merge(job->second.runs, runs_per_merge)) {
      next = grown_.erase(next);
    } else if (auto const first = find_merge(job->second.runs, waiting)) {
      if (merged == 0) begin();
      merged += merge_runs(database_, number, job->second.runs, *first);
    } else {
      ++next;
    }
  }
  if (merged > 0) commit();
  return merged > 0;
}

bool StoreTables::tidy(bool idle) {
  if (database_.log_pages() > long_log) {
    database_.checkpoint();
    return true;
  }
  constexpr auto worth_it = 4 * vacuum_step;
  if (!idle || database_.integer("PRAGMA freelist_count") < worth_it ||
      database_.integer("PRAGMA freelist_count") * 4 < database_.integer("PRAGMA page_count"))
    return false;
  begin();
  database_.execute(fmt::format("PRAGMA incremental_vacuum({})", vacuum_step));
  commit();
  return true;
}

}  // namespace farm::detail
