#include "io/arrays/axes_and_table.hpp"

#include <fmt/format.h>
#include <hdf5_hl.h>

#include <utility>

#include "io/datasets/saved_values.hpp"

namespace farm::detail {
namespace {

using GroupHandle = Hdf5Handle<H5Gclose>;

bool exists(hid_t file, std::string const& name) { return H5Lexists(file, name.c_str(), H5P_DEFAULT) > 0; }

DatasetHandle open_scale(hid_t file, std::string const& name) {
  return DatasetHandle{H5Dopen2(file, name.c_str(), H5P_DEFAULT)};
}

/// Creates a group that lists its members in the order in which they were made.
GroupHandle create_table(hid_t file, ErrorSite const& site) {
  PropertiesHandle const creation{H5Pcreate(H5P_GROUP_CREATE)};
  H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  PropertiesHandle const links{H5Pcreate(H5P_LINK_CREATE)};
  H5Pset_create_intermediate_group(links, 1);
  return GroupHandle{
      check_hdf5(H5Gcreate2(file, site.dataset.c_str(), links, creation, H5P_DEFAULT), site, "cannot be created")};
}

}  // namespace

std::string AxesAndTable::axis_name(std::size_t axis) const {
  return split_dataset_name(dataset_).group + options_->axes[axis].first;
}

void AxesAndTable::check(hid_t file, ErrorSite const& site) {
  for (std::size_t i = 0; i < options_->axes.size(); ++i) {
    ErrorSite const axis{site.file, axis_name(i)};
    shared_.push_back(exists(file, axis.dataset));
    if (!shared_[i]) continue;
    auto const scale = open_scale(file, axis.dataset);
    if (scale < 0 || H5DSis_scale(scale) <= 0)
      throw stage_error(axis, "already exists and is no dimension scale; give the axis another name");
    if (!has_values(scale, axis, options_->axes[i].second))
      throw stage_error(axis, "is a dimension scale with other values already; give the axis another name");
  }
  if (auto const table = table_name(dataset_); !options_->table.empty() && exists(file, table))
    throw stage_error({site.file, table}, "already exists");
}

void AxesAndTable::write(hid_t file, ErrorSite const& site, hid_t dataset, std::string const& suffix) {
  write_axes(file, site, dataset, suffix);
  if (!options_->table.empty()) write_table(file, site, suffix);
  check_hdf5(first_axis_.reset(), site, "cannot be closed");
}

void AxesAndTable::write_axes(hid_t file, ErrorSite const& site, hid_t dataset, std::string const& suffix) {
  for (std::size_t i = 0; i < options_->axes.size(); ++i) {
    auto const& [name, values] = options_->axes[i];
    ErrorSite const axis{site.file, axis_name(i)};
    DatasetHandle scale;
    if (shared_[i]) {
      scale = open_scale(file, axis.dataset);
    } else {
      made_.push_back({axis.dataset + suffix, axis.dataset});
      scale = write_values(file, {site.file, made_.back().now}, values);
      check_hdf5(H5DSset_scale(scale, name.c_str()), axis, "cannot be made a dimension scale");
    }
    check_hdf5(H5DSattach_scale(dataset, scale, static_cast<unsigned>(i)), axis, "cannot be attached to the dataset");
    if (i == 0) first_axis_ = std::move(scale);
  }
}

void AxesAndTable::write_table(hid_t file, ErrorSite const& site, std::string const& suffix) {
  auto const name = table_name(dataset_);
  made_.push_back({name + suffix, name});
  ErrorSite const table{site.file, made_.back().now};
  auto const group = create_table(file, table);
  for (auto const& [column, values] : options_->table) {
    auto const written = write_values(group, {site.file, column}, values);
    if (first_axis_ >= 0)
      check_hdf5(H5DSattach_scale(written, first_axis_, 0), table, "the first axis cannot be attached to a column");
  }
}

void AxesAndTable::commit(hid_t file, ErrorSite const& site) {
  for (auto& [now, final] : made_) {
    if (now == final) continue;
    check_hdf5(H5Lmove(file, now.c_str(), H5L_SAME_LOC, final.c_str(), H5P_DEFAULT, H5P_DEFAULT), {site.file, final},
               "cannot be given this name");
    now = final;
  }
}

void AxesAndTable::detach_columns(hid_t file, hid_t scale) const {
  for (auto const& [column, values] : options_->table) {
    auto const name = fmt::format("{}/{}", made_.empty() ? "" : made_.back().now, column);  // the table is made last
    DatasetHandle const opened{H5Dopen2(file, name.c_str(), H5P_DEFAULT)};
    if (opened >= 0) H5DSdetach_scale(opened, scale, 0);
  }
}

void AxesAndTable::discard(hid_t file, std::string const& dataset) {
  DatasetHandle const opened{H5Dopen2(file, dataset.c_str(), H5P_DEFAULT)};
  for (std::size_t i = 0; i < shared_.size(); ++i) {
    if (!shared_[i]) continue;
    auto const scale = open_scale(file, axis_name(i));
    if (opened >= 0 && scale >= 0) H5DSdetach_scale(opened, scale, static_cast<unsigned>(i));
    if (i == 0 && scale >= 0) detach_columns(file, scale);
  }
  for (auto const& made : made_) H5Ldelete(file, made.now.c_str(), H5P_DEFAULT);
}

}  // namespace farm::detail
