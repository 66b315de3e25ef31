#include "spawn/service/store/recovery/check.hpp"

#include <fmt/format.h>

#include <map>

namespace farm::detail {
namespace {

/// What the rows of a database add up to.
struct Sums {
  std::map<std::int64_t, std::int64_t> tasks{};   // that a job must have inputs for
  std::map<std::int64_t, std::int64_t> inputs{};  // that it has
  Counters counters{};
};

/// Returns the name of the first damaged row; else empty.
std::string check_table(Database& database, Table const& table, Sums& sums) {
  Statement statement{database, select_from(table)};
  auto rows = statement.rows();
  while (rows.next()) {
    auto const row = rows.row();
    if (!is_intact(table, row)) return fmt::format("row {} of {} is damaged", rows.integer(0), table.name);
    if (table.name == jobs_table.name) {
      ++sums.counters.jobs;
      sums.counters.versions += row[jobs_column::version].integer;
      if (row[jobs_column::forgotten].integer == 0)
        sums.tasks[row[jobs_column::number].integer] = row[jobs_column::tasks].integer;
    } else if (table.name == inputs_table.name) {
      sums.inputs[row[inputs_column::job].integer] += row[inputs_column::count].integer;
    } else if (table.name == ends_table.name) {
      sums.counters.ends += row[ends_column::count].integer;
    } else if (table.name == kept_groups_table.name) {
      ++sums.counters.groups;
    } else if (table.name == counters_table.name) {
      sums.counters.commits = counters_of(row).commits;
    }
  }
  return {};
}

std::string compare(Sums const& sums, Counters const& expected) {
  auto const differs = [](std::string_view what, std::int64_t found, std::int64_t wanted) {
    return fmt::format("it has {} {}, and there should be {}", found, what, wanted);
  };
  auto const& found = sums.counters;
  if (found.jobs != expected.jobs) return differs("jobs", found.jobs, expected.jobs);
  if (found.versions != expected.versions) return "changes of jobs are missing";
  if (found.ends != expected.ends) return differs("ends of tasks", found.ends, expected.ends);
  if (found.groups != expected.groups) return differs("groups", found.groups, expected.groups);
  return {};
}

std::string check_rows(Database& database, Counters const& expected, bool whole) {
  Sums sums;
  for (auto const& table : all_tables) {
    if (!whole && table.name == inputs_table.name) continue;
    if (auto problem = check_table(database, table, sums); !problem.empty()) return problem;
  }
  if (auto problem = compare(sums, expected); !problem.empty()) return problem;
  if (!whole) return {};
  for (auto const& [job, tasks] : sums.tasks) {
    if (sums.inputs[job] != tasks) return fmt::format("it lacks inputs of job {}", job);
  }
  return {};
}

/// Returns the counters, unless their row is missing or damaged.
std::optional<Counters> read_counters(Database& database) {
  Statement statement{database, select_from(counters_table)};
  auto rows = statement.rows();
  if (!rows.next()) return std::nullopt;
  auto const row = rows.row();
  if (!is_intact(counters_table, row)) return std::nullopt;
  return counters_of(row);
}

/// A flipped bit may be all that a version is: a newer farm has left its version in the file beside the database, too.
void check_format(Database& database, std::optional<Counters> const& acknowledged) {
  auto const format = database.integer("PRAGMA user_version");
  if (format <= store_format || (acknowledged && acknowledged->format <= store_format)) return;
  throw StoreError{fmt::format("{} was written by a newer farm (format {}, this one knows {})",
                               database.file().string(), format, store_format)};
}

std::string check_header(Database& database, std::optional<Counters> const& acknowledged) {
  auto const is_ours = database.integer("PRAGMA application_id") == application_number;
  if (!is_ours && !acknowledged && database.text("PRAGMA integrity_check(1)") == "ok" &&
      database.integer("SELECT count(*) FROM sqlite_schema WHERE name = 'counters'") == 0)
    throw StoreError{fmt::format("{} is a database, but not one of farm: choose another directory, or move it away",
                                 database.file().string())};
  if (!is_ours) return "its header is damaged";
  check_format(database, acknowledged);
  if (database.integer("PRAGMA user_version") != store_format) return "its header is damaged";
  if (database.integer("PRAGMA page_size") != static_cast<std::int64_t>(page_bytes)) return "its header is damaged";
  if (schema_of(database) != expected_schema()) return "its tables are not those of a queue";
  return {};
}

}  // namespace

std::string find_damage(Database& database, std::optional<Counters> const& acknowledged, bool whole) {
  try {
    if (auto problem = check_header(database, acknowledged); !problem.empty()) return problem;
    auto const counters = read_counters(database);
    if (!counters) return "its counters are damaged";
    if (acknowledged && acknowledged->commits > counters->commits)
      return fmt::format("it lacks its last {} commits, of {}", acknowledged->commits - counters->commits,
                         acknowledged->commits);
    if (whole) {
      if (auto found = database.text("PRAGMA integrity_check(1)"); found != "ok") {
        for (auto& c : found) c = c == '\n' ? ' ' : c;
        return found;
      }
    }
    return check_rows(database, *counters, whole);
  } catch (DatabaseError const& error) {
    if (error.says_damaged()) return error.message();
    throw;
  }
}

}  // namespace farm::detail
