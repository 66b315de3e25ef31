#include "io/datasets/stored_elements.hpp"

#include "io/datasets/external_storage.hpp"
#include "io/datasets/filters.hpp"
#include "io/datasets/open_files.hpp"
#include "io/datasets/virtual_sources.hpp"

namespace farm::detail {
namespace {

constexpr int deepest = 16;

/// `depth`: how many virtual datasets lead to this one.
void check_at_depth(hid_t dataset, ErrorSite const& site, Piece const* part, int depth) {
  if (depth > deepest) throw stage_error(site, "virtual datasets are the sources of each other");
  PropertiesHandle const creation{H5Dget_create_plist(dataset)};
  check_filters(dataset, site);
  check_external_storage(dataset, site);
  if (H5Pget_layout(creation) != H5D_VIRTUAL) return;
  check_virtual_sources(dataset, site, part, [depth](hid_t source, ErrorSite const& source_site) {
    flush_dataset(source, source_site);
    check_at_depth(source, source_site, nullptr, depth + 1);
  });
}

}  // namespace

void check_stored(hid_t dataset, ErrorSite const& site, Piece const* part) { check_at_depth(dataset, site, part, 0); }

}  // namespace farm::detail
