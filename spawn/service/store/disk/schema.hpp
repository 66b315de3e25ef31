#pragma once

#include "spawn/service/store/disk/database.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

/// The tables of the database. README.md describes them.
namespace farm::detail {

/// The version of the format. Databases of later versions are refused.
inline constexpr std::int64_t store_format = 1;
/// SQLite's number for the kind of the file: "Farm".
inline constexpr std::int64_t application_number = 0x4661726d;
inline constexpr std::size_t page_bytes = 4096;

/// A table. Its first column is its integer key, its last one the checksum of the others.
struct Table {
  std::string_view name;
  std::size_t columns;
  bool key_counts = true;  ///< whether the key says something, and belongs to the checksum
};

inline constexpr Table jobs_table{"jobs", 10};
inline constexpr Table inputs_table{"inputs", 6, false};
inline constexpr Table ends_table{"ends", 9, false};
inline constexpr Table hosts_table{"hosts", 3};
inline constexpr Table kept_groups_table{"kept_groups", 3};
inline constexpr Table counters_table{"counters", 9};
inline constexpr Table damage_table{"damage", 4, false};
inline constexpr std::array<Table, 7> all_tables{jobs_table,        inputs_table,   ends_table,  hosts_table,
                                                 kept_groups_table, counters_table, damage_table};

/// The columns of the larger tables.
namespace jobs_column {
enum : std::size_t { number, tasks, listed, submitted, held, priority, forgotten, version, spec };
}
namespace inputs_column {
enum : std::size_t { id, job, first, count, lines };
}
namespace ends_column {
enum : std::size_t { id, job, run, level, lowest, highest, count, lines };
}

/// Makes the tables in an empty database, and sets its format.
void make_tables(Database& database);
/// Returns the text of all tables, indexes and views of a database; that of a new one is `expected_schema()`.
[[nodiscard]] std::string schema_of(Database& database);
[[nodiscard]] std::string const& expected_schema();

/// Returns the checksum of a row without its last column.
[[nodiscard]] std::int64_t checksum_of(Table const& table, Cell const* cells);
/// Returns true if the row has as many columns as its table, and its checksum is right.
[[nodiscard]] bool is_intact(Table const& table, Row const& row);
/// Adds the checksum to a row.
[[nodiscard]] Row with_checksum(Table const& table, Row row);
/// Returns "INSERT INTO name VALUES (?, ...)". `otherwise`: "OR IGNORE", "OR REPLACE".
[[nodiscard]] std::string insert_into(Table const& table, std::string_view otherwise = "");
/// Returns "SELECT columns FROM name".
[[nodiscard]] std::string select_from(Table const& table);

/// How much the database holds, so that what is missing is noticed. One row.
struct Counters {
  std::int64_t format = store_format;
  std::int64_t commits = 0;   ///< how many there have been
  std::int64_t next_job = 1;  ///< the number of the next job
  std::int64_t jobs = 0;      ///< rows, forgotten jobs included
  std::int64_t versions = 0;  ///< the sum of their versions
  std::int64_t ends = 0;      ///< lines
  std::int64_t groups = 0;    ///< rows

  bool operator==(Counters const&) const = default;
};
[[nodiscard]] Row row_of(Counters const& counters);
[[nodiscard]] Counters counters_of(Row const& row);

}  // namespace farm::detail
