#pragma once

#include <farm/save_options.hpp>

#include <string>
#include <utility>
#include <vector>

#include "io/hdf5/hdf5.hpp"

namespace farm::detail {

/// The dimension scales and the table that are saved with a dataset. Until commit() they have temporary names if the
/// file is an existing one. `site` in the functions names the file for messages. All functions require an Hdf5Lock and
/// throw StageError.
class AxesAndTable {
 public:
  /// `options` must outlive the object.
  AxesAndTable(SaveOptions const& options, std::string dataset) : options_(&options), dataset_(std::move(dataset)) {}

  /// Throws if the file has another object of a name that is needed. Finds the dimension scales that can be shared.
  void check(hid_t file, ErrorSite const& site);
  /// Writes everything, and attaches the dimension scales to the dataset. `suffix` makes the temporary names; empty for
  /// a file that is new as a whole.
  void write(hid_t file, ErrorSite const& site, hid_t dataset, std::string const& suffix);
  /// Gives everything its name.
  void commit(hid_t file, ErrorSite const& site);
  /// Removes what was written, and detaches shared dimension scales from the dataset. Ignores errors.
  void discard(hid_t file, std::string const& dataset);

 private:
  /// A dataset or group that write() makes.
  struct Made {
    std::string now;    // its present name
    std::string final;  // its name after commit()
  };

  void write_axes(hid_t file, ErrorSite const& site, hid_t dataset, std::string const& suffix);
  void write_table(hid_t file, ErrorSite const& site, std::string const& suffix);
  void detach_columns(hid_t file, hid_t scale) const;
  [[nodiscard]] std::string axis_name(std::size_t axis) const;

  SaveOptions const* options_;
  std::string dataset_;
  std::vector<bool> shared_{};  // for each axis: whether the file has its dimension scale already
  std::vector<Made> made_{};
  DatasetHandle first_axis_{};
};

}  // namespace farm::detail
