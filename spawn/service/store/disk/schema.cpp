#include "spawn/service/store/disk/schema.hpp"

#include "io/files/hash.hpp"

#include <fmt/format.h>

namespace farm::detail {
namespace {

// The texts are part of the format: a database whose texts differ counts as damaged.
constexpr auto tables = R"sql(
CREATE TABLE jobs(number INTEGER PRIMARY KEY, tasks INTEGER, listed INTEGER, submitted INTEGER, held INTEGER,
  priority INTEGER, forgotten INTEGER, version INTEGER, spec TEXT, checksum INTEGER);
CREATE TABLE inputs(id INTEGER PRIMARY KEY, job INTEGER, first INTEGER, count INTEGER, lines TEXT, checksum INTEGER);
CREATE UNIQUE INDEX inputs_by_task ON inputs(job, first);
CREATE TABLE ends(id INTEGER PRIMARY KEY, job INTEGER, run INTEGER, level INTEGER, lowest INTEGER, highest INTEGER,
  count INTEGER, lines TEXT, checksum INTEGER);
CREATE UNIQUE INDEX ends_by_task ON ends(job, run, level, lowest, highest);
CREATE TABLE hosts(id INTEGER PRIMARY KEY, names TEXT, checksum INTEGER);
CREATE UNIQUE INDEX hosts_by_names ON hosts(names);
CREATE TABLE kept_groups(number INTEGER PRIMARY KEY, details TEXT, checksum INTEGER);
CREATE TABLE counters(id INTEGER PRIMARY KEY, format INTEGER, commits INTEGER, next_job INTEGER, jobs INTEGER,
  versions INTEGER, ends INTEGER, groups INTEGER, checksum INTEGER);
CREATE TABLE damage(id INTEGER PRIMARY KEY, found INTEGER, line TEXT, checksum INTEGER);
CREATE VIEW job_list AS SELECT number AS job, json_extract(spec, '$.name') AS name, tasks,
  submitted / 1e6 AS submitted, held, priority, spec FROM jobs WHERE NOT forgotten;
CREATE VIEW task_inputs AS SELECT i.job, i.first + line.key AS task,
  iif(j.listed, json_extract(line.value, '$[3]'), CASE line.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false'
    ELSE line.value END) AS input
  FROM inputs i JOIN jobs j ON j.number = i.job, json_each(i.lines) line;
CREATE VIEW task_ends AS SELECT e.job, json_extract(line.value, '$[0]') AS task,
  CASE json_extract(line.value, '$[1]') WHEN 0 THEN 'retried' WHEN 4 THEN 'finished' WHEN 5 THEN 'failed'
    WHEN 6 THEN 'cancelled' END AS state,
  json_extract(line.value, '$[2]') AS attempts, json_extract(line.value, '$[3]') AS ended,
  json_extract(line.value, '$[5]') / 1e6 AS seconds, json_extract(line.value, '$[6]') AS "group", h.names AS hosts,
  json_extract(line.value, '$[9]') AS value
  FROM ends e, json_each(e.lines) line LEFT JOIN hosts h ON h.id = json_extract(line.value, '$[7]')
  ORDER BY e.job, e.run, e.level, e.lowest;
)sql";

}  // namespace

void make_tables(Database& database) {
  database.execute(
      fmt::format("PRAGMA page_size={}; PRAGMA auto_vacuum=INCREMENTAL; PRAGMA encoding='UTF-8';"
                  "PRAGMA application_id={}; PRAGMA user_version={}; BEGIN IMMEDIATE; {}",
                  page_bytes, application_number, store_format, tables));
  Statement{database, insert_into(counters_table)}.run(with_checksum(counters_table, row_of(Counters{})));
  database.execute("COMMIT");
}

std::string schema_of(Database& database) {
  Statement statement{database, "SELECT type, name, sql FROM sqlite_schema ORDER BY name"};
  auto rows = statement.rows();
  std::string text;
  while (rows.next()) text += fmt::format("{} {}: {}\n", rows.text(0), rows.text(1), rows.text(2));
  return text;
}

std::string const& expected_schema() {
  static std::string const text = [] {
    Database memory{":memory:", Database::Access::create};
    make_tables(memory);
    return schema_of(memory);
  }();
  return text;
}

std::int64_t checksum_of(Table const& table, Cell const* cells) {
  thread_local Hash hash;
  hash.add(table.name.data(), table.name.size());
  for (std::size_t i = table.key_counts ? 0 : 1; i + 1 < table.columns; ++i) {
    auto const& cell = cells[i];
    auto const number = cell.type == Cell::Type::text ? static_cast<std::int64_t>(cell.text.size()) : cell.integer;
    hash.add(&number, sizeof number);
    if (cell.type == Cell::Type::text) hash.add(cell.text.data(), cell.text.size());
  }
  return static_cast<std::int64_t>(hash.take());
}

bool is_intact(Table const& table, Row const& row) {
  return row.size() == table.columns && row.back().type == Cell::Type::integer &&
         row.back().integer == checksum_of(table, row.data());
}

Row with_checksum(Table const& table, Row row) {
  row.resize(table.columns);
  row.back() = checksum_of(table, row.data());
  return row;
}

std::string insert_into(Table const& table, std::string_view otherwise) {
  std::string parameters = "?";
  for (std::size_t i = 1; i < table.columns; ++i) parameters += ", ?";
  return fmt::format("INSERT {} INTO {} VALUES ({})", otherwise, table.name, parameters);
}

std::string select_from(Table const& table) { return fmt::format("SELECT * FROM {}", table.name); }

Row row_of(Counters const& counters) {
  return {std::int64_t{1}, counters.format,   counters.commits, counters.next_job,
          counters.jobs,   counters.versions, counters.ends,    counters.groups};
}

Counters counters_of(Row const& row) {
  return {.format = row[1].integer,
          .commits = row[2].integer,
          .next_job = row[3].integer,
          .jobs = row[4].integer,
          .versions = row[5].integer,
          .ends = row[6].integer,
          .groups = row[7].integer};
}

}  // namespace farm::detail
