#include <farm/detail/array_data.hpp>
#include <farm/detail/save_array.hpp>
#include <farm/error.hpp>

#include "io/arrays/saved_dataset.hpp"
#include "io/hdf5/pieces.hpp"

namespace farm::detail {
namespace {

void copy_array(ArrayInfo const& from, SavedDataset& to) {
  auto const element = element_size(from.type);
  Pieces const pieces{Extents(from.extents.size()), from.extents, element, copy_limit};
  if (pieces.size() == 0) return;
  std::vector<char> buffer(element_count(pieces[0].count) * element);  // the first piece is the largest
  for (std::uint64_t i = 0; i < pieces.size(); ++i) {
    auto const piece = pieces[i];
    read_part(from, piece.offset, piece.count, buffer.data());
    to.append(buffer.data(), element_count(piece.count) * element);
  }
}

}  // namespace

void save_array(ArrayInfo const& info, std::string const& file, std::string const& dataset,
                SaveOptions const& options) {
  SavedDataset to{file, dataset, info.type, info.extents, options, &info};
  copy_array(info, to);
  to.commit();
}

ArrayInfo gather_arrays(std::vector<ArrayInfo> const& parts, ElementType type, std::string const& file,
                        std::string const& dataset, SaveOptions const& options) {
  if (parts.empty()) throw UsageError("no arrays were given to gather");
  for (auto const& part : parts) {
    check_valid(part);
    if (part.extents != parts[0].extents) throw UsageError("arrays of different extents cannot be gathered");
  }
  auto extents = parts[0].extents;
  extents.insert(extents.begin(), parts.size());
  check_extents(extents, element_size(type));
  SavedDataset to{file, dataset, type, extents, options};
  for (auto const& part : parts) copy_array(part, to);
  to.commit();
  return open_array(file, dataset, type);
}

}  // namespace farm::detail
