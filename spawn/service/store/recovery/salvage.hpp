#pragma once

#include "spawn/service/store/disk/schema.hpp"
#include "spawn/service/store/recovery/page_image.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace farm::detail {

/// Takes all rows with a right checksum out of a damaged database into a new one, and finds out what is missing.
///
/// Old versions of rows may be among them, from pages that are not in use. They do no harm: a job has the number of its
/// version, a forgotten one leaves a mark, tasks and ends never change, and of an end that is there twice the later
/// place counts.
class Salvage {
 public:
  /// Makes the new database.
  explicit Salvage(std::filesystem::path const& database);

  /// Takes the rows.
  void read(PageImage const& image);
  /// Finishes the new database. `acknowledged`: what the old one should hold. Returns what is lost, in words.
  [[nodiscard]] std::vector<std::string> finish(std::optional<Counters> const& acknowledged);
  /// Returns true if there was any row of a farm.
  [[nodiscard]] bool has_found_rows() const { return counters_.has_value() || !jobs_.empty(); }
  /// Keeps the lines in the new database, so that users find them later.
  void note(std::vector<std::string> const& lines);
  /// Sets how the new database is used from now on. The caller destroys this, and syncs the file.
  void seal();

 private:
  struct Job {
    std::vector<std::int64_t> numbers{};  // all columns but the specification and the checksum
    std::string spec{};
  };
  bool take(Row const& row);
  void take_job(Row const& row);
  void insert(Table const& table, Row const& row);
  [[nodiscard]] bool is_alive(std::int64_t job) const;
  void write_jobs();
  void drop_unwanted();
  std::int64_t count_ends(std::int64_t job);
  void write_counters();
  void report_jobs(Counters const& expected, std::vector<std::string>& lost) const;
  void report_inputs(std::int64_t job, std::vector<std::string>& lost);
  void fail_without_input(std::int64_t job, std::vector<std::pair<std::int64_t, std::int64_t>> const& missing);

  Database database_;
  std::map<std::string_view, Statement> inserts_{};
  std::map<std::int64_t, Job> jobs_{};
  std::optional<Counters> counters_{};
  std::int64_t ends_ = 0;           // different ones of jobs that were not forgotten
  std::set<std::int64_t> hosts_{};  // keys of hosts that ends refer to
};

}  // namespace farm::detail
