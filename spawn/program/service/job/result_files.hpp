#pragma once

#include "spawn/program/service/job/result_table.hpp"

#include <string>

namespace farm::detail {

/// Throws TypingError if the name ends in none of .csv, .jsonl and .h5, or if the file exists.
void check_result_file(std::string const& path);
/// Writes all results to the file: all of it, or nothing. Throws std::system_error and StageError.
void write_results(Requests& requests, std::uint64_t job, std::string const& path);
/// Prints the table for people.
void print_result_table(Requests& requests, std::uint64_t job);

/// Writes an HDF5 file. The group `finished` has `index`, `attempts` and `seconds` of the tasks that have finished, and
/// the groups `inputs` and `results` with a dataset for each column; the group `failed` has the same of the other
/// tasks, without results but with `error`. An array is a dataset of its own, in a group that has the name of its
/// column. Throws StageError.
void write_hdf5(ResultTable const& table, std::string const& path);

}  // namespace farm::detail
