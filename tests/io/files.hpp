#pragma once

#include <farm/error.hpp>

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// Creates an empty directory with this name in the test's working directory. Replaces an existing one.
inline std::filesystem::path fresh_directory(std::string const& name) {
  std::filesystem::remove_all(name);
  std::filesystem::create_directory(name);
  return std::filesystem::absolute(name);
}

inline void flip_byte(std::filesystem::path const& file, std::uint64_t offset) {
  std::fstream stream{file, std::ios::in | std::ios::out | std::ios::binary};
  stream.seekg(static_cast<std::streamoff>(offset));
  auto const byte = static_cast<char>(stream.get() ^ 1);
  stream.seekp(static_cast<std::streamoff>(offset));
  stream.put(byte);
}

inline std::size_t files_in(std::filesystem::path const& directory) {
  std::size_t count = 0;
  for ([[maybe_unused]] auto const& entry : std::filesystem::directory_iterator{directory}) ++count;
  return count;
}

/// Returns the text of the StageError that f throws.
template <class F>
std::string error_of(F f) {
  try {
    f();
  } catch (farm::StageError const& error) {
    return error.what();
  }
  return "no StageError";
}

/// A dataset that another program wrote.
struct Foreign {
  std::string file{};
  std::string dataset = "data";
  hid_t type = H5I_INVALID_HID;         ///< of the elements in the file
  hid_t memory_type = H5I_INVALID_HID;  ///< of the elements in memory
  std::vector<hsize_t> extents{};
  std::vector<hsize_t> chunk{};  ///< empty: contiguous
  bool compressed = false;
};

inline void write_foreign(Foreign const& foreign, void const* elements) {
  hid_t const file = H5Fcreate(foreign.file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t const space = H5Screate_simple(static_cast<int>(foreign.extents.size()), foreign.extents.data(), nullptr);
  hid_t const creation = H5Pcreate(H5P_DATASET_CREATE);
  if (!foreign.chunk.empty()) H5Pset_chunk(creation, static_cast<int>(foreign.chunk.size()), foreign.chunk.data());
  if (foreign.compressed) H5Pset_deflate(creation, 4);
  hid_t const dataset =
      H5Dcreate2(file, foreign.dataset.c_str(), foreign.type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Dwrite(dataset, foreign.memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements);
  H5Dclose(dataset);
  H5Pclose(creation);
  H5Sclose(space);
  H5Fclose(file);
}
