#include "spawn/service/store/reader.hpp"

#include "spawn/service/model/job_json.hpp"
#include "spawn/service/store/disk/end_lines.hpp"
#include "spawn/service/store/disk/lines.hpp"
#include "spawn/service/store/disk/schema.hpp"
#include "spawn/service/store/disk/states.hpp"
#include "spawn/service/store/recovery/kept_files.hpp"
#include "spawn/service/store/recovery/opening.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t most_idle = 4;
constexpr std::uint64_t largest_number = ~std::uint64_t{0} >> 1U;

std::int64_t as_signed(std::uint64_t number) { return static_cast<std::int64_t>(std::min(number, largest_number)); }

/// Returns the last of `count` tasks from `first`.
std::int64_t last_of(std::uint64_t first, std::uint64_t count) {
  return as_signed(count > largest_number - std::min(first, largest_number) ? largest_number : first + count - 1);
}

}  // namespace

class StoreReader::Connection {
 public:
  explicit Connection(std::filesystem::path const& file)
      : database{file, Database::Access::read},
        job_{database, "SELECT tasks, listed FROM jobs WHERE number = ? AND NOT forgotten"},
        inputs_{database, select_from(inputs_table) +
                              " WHERE job = ?1 AND first <= ?3 AND first >= coalesce("
                              "(SELECT max(first) FROM inputs WHERE job = ?1 AND first <= ?2), 0) ORDER BY first"},
        ends_{database,
              select_from(ends_table) + " WHERE job = ? AND lowest <= ? AND highest >= ? ORDER BY run, level, lowest"},
        hosts_{database, select_from(hosts_table) + " WHERE id = ?"} {}

  struct Job {
    std::uint64_t tasks = 0;
    bool listed = false;
  };
  Job job(std::uint64_t number) {
    auto rows = job_.rows({as_signed(number)});
    if (!rows.next()) throw StoreError{fmt::format("there is no job {}", number)};
    return {.tasks = static_cast<std::uint64_t>(rows.integer(0)), .listed = rows.integer(1) != 0};
  }

  /// Calls `use` with the number of each row's first task, and its lines.
  template <class Use>
  void each_input_row(std::uint64_t job, std::uint64_t first, std::int64_t last, Use&& use) {
    auto rows = inputs_.rows({as_signed(job), as_signed(first), last});
    while (rows.next()) {
      auto const row = checked(inputs_table, rows);
      use(static_cast<std::uint64_t>(row[inputs_column::first].integer), row[inputs_column::lines].text);
    }
  }

  /// Calls `use` with the line of each end of these tasks, in order of time for each of them.
  template <class Use>
  void each_end(std::uint64_t job, std::uint64_t first, std::int64_t last, Use&& use) {
    auto rows = ends_.rows({as_signed(job), last, as_signed(first)});
    while (rows.next()) {
      auto const row = checked(ends_table, rows);
      for_each_line(row[ends_column::lines].text, [&](std::string_view line) {
        auto const task = task_of_line(line);
        if (task >= first && task <= static_cast<std::uint64_t>(last)) use(task, line);
      });
    }
  }

  TaskEnd end_of(std::uint64_t job, std::string_view line) {
    return end_of_line(job, line, [this](std::int64_t key) { return hosts(key); });
  }

  Row checked(Table const& table, Statement::Rows& rows) {
    auto row = rows.row();
    if (!is_intact(table, row))
      throw DamagedRow{fmt::format("row {} of {} in {} is damaged; restart the server, which recovers what it can",
                                   rows.integer(0), table.name, database.file().string())};
    return row;
  }

  /// Thrown for a row with a wrong checksum.
  class DamagedRow : public StoreError {
    using StoreError::StoreError;
  };

  Database database;

 private:
  std::string hosts(std::int64_t key) {
    if (auto const known = names_.find(key); known != names_.end()) return known->second;
    auto rows = hosts_.rows({key});
    auto const names = rows.next() ? std::string{checked(hosts_table, rows)[1].text} : std::string{};
    constexpr std::size_t most_known = 1000;
    if (names_.size() >= most_known) names_.clear();
    return names_[key] = names;
  }

  Statement job_;
  Statement inputs_;
  Statement ends_;
  Statement hosts_;
  std::map<std::int64_t, std::string> names_{};
};

StoreReader::StoreReader(std::filesystem::path directory) : directory_{std::move(directory)} {}
StoreReader::~StoreReader() = default;

template <class Use>
auto StoreReader::with_connection(Use&& use) {
  std::unique_ptr<Connection> connection;
  {
    std::lock_guard const lock{mutex_};
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  if (!connection) connection = std::make_unique<Connection>(database_in(directory_));
  try {
    connection->database.execute("BEGIN");  // all statements see the same state
    auto result = use(*connection);
    connection->database.execute("COMMIT");
    std::lock_guard const lock{mutex_};
    if (idle_.size() < most_idle) idle_.push_back(std::move(connection));
    return result;
  } catch (Connection::DamagedRow const&) {
    mark_suspect(directory_);
    throw;
  } catch (DatabaseError const& error) {
    if (error.says_damaged()) mark_suspect(directory_);
    throw;
  }
}

std::vector<TaskSpec> StoreReader::tasks(std::uint64_t job, std::uint64_t first, std::uint64_t count) {
  return with_connection([&](Connection& connection) {
    auto const found = connection.job(job);
    std::vector<TaskSpec> result;
    if (first >= found.tasks || count == 0) return result;
    result.resize(std::min(count, found.tasks - first));
    connection.each_input_row(job, first, last_of(first, result.size()),
                              [&](std::uint64_t task, std::string_view lines) {
                                for_each_line(lines, [&](std::string_view line) {
                                  if (task >= first && task - first < result.size())
                                    result[task - first] = task_of_line(line, found.listed);
                                  ++task;
                                });
                              });
    return result;
  });
}

std::vector<TaskEnd> StoreReader::ends(std::uint64_t job, std::uint64_t first, std::uint64_t count) {
  return with_connection([&](Connection& connection) {
    static_cast<void>(connection.job(job));
    std::map<std::uint64_t, std::string> latest;
    if (count > 0) {
      connection.each_end(job, first, last_of(first, count),
                          [&](std::uint64_t task, std::string_view line) { latest[task] = line; });
    }
    std::vector<TaskEnd> result;
    for (auto const& [task, line] : latest) {
      auto end = connection.end_of(job, line);
      if (has_ended(end.state)) result.push_back(std::move(end));
    }
    return result;
  });
}

std::vector<TaskEnd> StoreReader::history(std::uint64_t job, std::uint64_t task) {
  return with_connection([&](Connection& connection) {
    static_cast<void>(connection.job(job));
    std::vector<std::string> lines;
    connection.each_end(job, task, as_signed(task), [&](std::uint64_t, std::string_view line) {
      // After a recovery an end may be in two places, of which the later one has the order of time.
      std::erase(lines, line);
      lines.emplace_back(line);
    });
    std::vector<TaskEnd> result;
    for (auto const& line : lines) result.push_back(connection.end_of(job, line));
    return result;
  });
}

std::vector<LoadedJob> StoreReader::load() {
  return with_connection([&](Connection& connection) {
    std::vector<LoadedJob> jobs;
    Statement statement{connection.database, select_from(jobs_table) + " WHERE NOT forgotten ORDER BY number"};
    auto rows = statement.rows();
    while (rows.next()) {
      auto const row = connection.checked(jobs_table, rows);
      auto& job = jobs.emplace_back();
      auto const number = static_cast<std::uint64_t>(row[jobs_column::number].integer);
      job.job = {.number = number,
                 .tasks = static_cast<std::uint64_t>(row[jobs_column::tasks].integer),
                 .submitted = static_cast<double>(row[jobs_column::submitted].integer) / 1e6,
                 .held = row[jobs_column::held].integer != 0,
                 .priority = static_cast<int>(row[jobs_column::priority].integer)};
      try {
        job.job.spec = spec_from_json(row[jobs_column::spec].text);
      } catch (UsageError const& error) {
        throw StoreError{fmt::format("job {} in {} cannot be understood: {}", number,
                                     connection.database.file().string(), error.what())};
      }
      auto states = read_states(connection.database, number, job.job.tasks);
      job.states = std::move(states.states);
      job.attempts = std::move(states.attempts);
      job.last_ended = states.last_ended;
      if (row[jobs_column::listed].integer == 0) continue;
      job.tasks.resize(job.job.tasks);
      connection.each_input_row(number, 0, as_signed(job.job.tasks), [&](std::uint64_t task, std::string_view lines) {
        for_each_line(lines, [&](std::string_view line) {
          if (task < job.tasks.size()) job.tasks[task] = task_of_line(line, true, false);
          ++task;
        });
      });
    }
    return jobs;
  });
}

std::vector<StoredGroup> StoreReader::load_groups() {
  return with_connection([](Connection& connection) {
    std::vector<StoredGroup> groups;
    Statement statement{connection.database, select_from(kept_groups_table) + " ORDER BY number"};
    auto rows = statement.rows();
    while (rows.next()) {
      auto const row = connection.checked(kept_groups_table, rows);
      groups.push_back({.group = static_cast<std::uint64_t>(row[0].integer), .details = std::string{row[1].text}});
    }
    return groups;
  });
}

}  // namespace farm::detail
