#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/save_options.hpp>

#include <cstdint>
#include <string>

#include "io/arrays/axes_and_table.hpp"
#include "io/hdf5/error_site.hpp"

namespace farm::detail {

/// A new dataset with its axes and its table, in a new or existing file of the user, while it is written. A new file,
/// or a new dataset in an existing file, gets its name in commit(). The destructor removes what was not committed. All
/// functions throw StageError.
class SavedDataset {
 public:
  /// Creates the file if necessary, and the dataset with all that `options` asks for. `options` must outlive the
  /// object. `attributes_from` is an array whose attributes are copied; null for none. Throws UsageError if the options
  /// do not suit the dataset.
  SavedDataset(std::string const& file, std::string const& dataset, ElementType type, Extents const& extents,
               SaveOptions const& options, ArrayInfo const* attributes_from = nullptr);
  SavedDataset(SavedDataset const&) = delete;
  SavedDataset& operator=(SavedDataset const&) = delete;
  ~SavedDataset();

  /// Writes the next elements, in row-major order.
  void append(void const* elements, std::uint64_t bytes);
  /// Gives the dataset its name. Call when all elements have been appended. Blocks until everything is on disk.
  void commit();

 private:
  void make_file(std::string const& part, std::uint64_t bytes);
  void make_dataset(ElementType type, Extents const& extents, ArrayInfo const* attributes_from);
  void discard() noexcept;

  SaveOptions const* options_;
  AxesAndTable axes_and_table_;
  ErrorSite site_;
  ErrorSite part_;         // the temporary names: another file, or another dataset in the same file
  ErrorSite data_;         // as part_, but names the file that holds the elements: links may lead to another one
  bool is_new_ = false;    // whether the file is new
  bool made_ = false;      // whether the temporary dataset exists
  std::uint64_t end_ = 0;  // file offset of the next element
};

}  // namespace farm::detail
