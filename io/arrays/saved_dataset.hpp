#pragma once

#include <farm/detail/array_info.hpp>

#include <cstdint>
#include <string>

#include "io/hdf5/error_site.hpp"

namespace farm::detail {

/// A new dataset in a file of the user's, new or existing, while it is written. Neither has its name before commit(),
/// and the destructor removes what was not committed. All functions throw StageError.
class SavedDataset {
 public:
  /// `story_of`: an array whose attributes it shall have; null: none.
  SavedDataset(std::string const& file, std::string const& dataset, ElementType type, Extents const& extents,
               ArrayInfo const* story_of = nullptr);
  SavedDataset(SavedDataset const&) = delete;
  SavedDataset& operator=(SavedDataset const&) = delete;
  ~SavedDataset();

  /// The next elements, in row-major order.
  void append(void const* elements, std::uint64_t bytes);
  /// When all are there. They are on disk when it returns.
  void commit();

 private:
  void make_file(std::string const& part, std::uint64_t bytes);
  void make_dataset(ElementType type, Extents const& extents, ArrayInfo const* story_of);
  void discard() noexcept;

  ErrorSite place_;
  ErrorSite part_;         // what has the names until then: another file, or another dataset in it
  bool is_new_ = false;    // the file
  bool made_ = false;      // the part's dataset
  std::uint64_t end_ = 0;  // of what was appended, in the file
};

}  // namespace farm::detail
