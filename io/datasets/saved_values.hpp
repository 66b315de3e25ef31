#pragma once

#include <farm/save_options.hpp>

#include <cstdint>
#include <string>

#include "io/hdf5/hdf5.hpp"

/// Attributes and one-dimensional datasets of a user's values. Texts are UTF-8 of variable length, bools are h5py's
/// enumeration of FALSE and TRUE. All functions but saved_bytes() require an Hdf5Lock and throw StageError.
namespace farm::detail {

/// Returns an upper bound of the bytes that the values take in a file.
[[nodiscard]] std::uint64_t saved_bytes(SavedValues const& values);

/// Gives an object an attribute that it does not have yet.
void write_attribute(hid_t object, ErrorSite const& site, std::string const& name, SavedValues const& values);

/// Creates the dataset `site.dataset`, and the groups in its name, and writes the values.
[[nodiscard]] DatasetHandle write_values(hid_t file, ErrorSite const& site, SavedValues const& values);

/// Returns true if the dataset holds exactly these values, of the same type.
[[nodiscard]] bool has_values(hid_t dataset, ErrorSite const& site, SavedValues const& values);

}  // namespace farm::detail
