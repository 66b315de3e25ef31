#pragma once

#include "spawn/service/store/disk/database.hpp"
#include "spawn/service/store/recovery/page_image.hpp"

#include <functional>
#include <vector>

namespace farm::detail {

/// Finds the rows on a page, if it is a leaf of a table; else nothing. Does not rely on anything else in the file than
/// this page, and the pages on which long rows go on. These are taken at each of the moments in turn, until `accept`
/// returns true; for the last one `is_last` is true. What is on the page may be anything: `accept` checks the row.
void for_each_record(PageImage const& image, PageImage::Page const& page, std::vector<std::size_t> const& moments,
                     std::function<bool(Row const&, bool is_last)> const& accept);

}  // namespace farm::detail
