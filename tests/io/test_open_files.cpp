#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "tests/io/files.hpp"
#include "tests/io/other_process.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cstdio>
#include <vector>

using farm::Array;
namespace fs = std::filesystem;

namespace {

/// Makes a dataset, writes it, and leaves it open.
hid_t make_open(hid_t file, char const* name, std::vector<double> const& values, bool chunked) {
  hsize_t const size = values.size();
  hsize_t const chunk = size / 4;
  hid_t const space = H5Screate_simple(1, &size, nullptr);
  hid_t const creation = H5Pcreate(H5P_DATASET_CREATE);
  if (chunked) H5Pset_chunk(creation, 1, &chunk);
  hid_t const dataset = H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  hsize_t const half = size / 2;  // HDF5 keeps small writes in its buffers
  hid_t const part = H5Screate_simple(1, &half, nullptr);
  for (hsize_t start = 0; start < size; start += half) {
    H5Sselect_hyperslab(space, H5S_SELECT_SET, &start, nullptr, &half, nullptr);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, part, space, H5P_DEFAULT, values.data() + start);
  }
  H5Sclose(part);
  H5Pclose(creation);
  H5Sclose(space);
  return dataset;
}

/// An open file of the program itself, with datasets that are open and have not been flushed.
struct OpenForWriting {
  explicit OpenForWriting(hid_t access = H5P_DEFAULT)
      : file(H5Fcreate("written.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access)) {
    for (bool const chunked : {false, true})
      open.push_back(make_open(file, chunked ? "/chunked" : "/plain", values, chunked));
    H5Dclose(make_open(file, "/closed", values, false));
  }
  OpenForWriting(OpenForWriting const&) = delete;
  OpenForWriting& operator=(OpenForWriting const&) = delete;
  ~OpenForWriting() {
    for (auto const dataset : open) H5Dclose(dataset);
    H5Fclose(file);
  }
  std::vector<double> values = values_of<double>(1000);
  hid_t file;
  std::vector<hid_t> open{};
};

void check_datasets(std::vector<double> const& values) {
  for (auto const* const dataset : {"/plain", "/chunked", "/closed"}) {
    CAPTURE(dataset);
    auto const array = Array<double>::open("written.h5", dataset);
    CHECK(array.read() == values);
    auto const view = array.view();
    CHECK(std::equal(view.begin(), view.end(), values.begin()));
    fs::remove("copy of written.h5");
    array.save_as("copy of written.h5", "u");
    CHECK(Array<double>::open("copy of written.h5", "u").read() == values);
  }
}

}  // namespace

TEST_CASE("what this process has written and not flushed is read") {
  bool const locking = GENERATE(true, false);
  CAPTURE(locking);
  hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_file_locking(access, locking, true);
  {
    OpenForWriting const written{access};
    check_datasets(written.values);
  }
  H5Pclose(access);
}

TEST_CASE("another process sees what this process wrote before it opened the array") {
  OpenForWriting const written;
  std::vector<Array<double>> arrays;
  for (auto const* const dataset : {"/plain", "/chunked", "/closed"})
    arrays.push_back(Array<double>::open("written.h5", dataset));
  OtherProcess const reader{[&] {
    return std::all_of(arrays.begin(), arrays.end(), [&](auto const& array) {
      FILE* const file = fopen("written.h5", "rb");  // the bytes on disk, not HDF5's buffers, which fork() has copied
      std::string bytes(fs::file_size("written.h5"), '\0');
      bool const all = fread(bytes.data(), 1, bytes.size(), file) == bytes.size();
      fclose(file);
      auto const& values = written.values;
      for (std::size_t i = 0; all && i < values.size(); i += values.size() / 4)
        if (bytes.find(reinterpret_cast<char const*>(&values[i]), 0, values.size() / 4 * sizeof(double)) == bytes.npos)
          return false;
      return all && array.valid();
    });
  }};
  CHECK(reader.did());
}

TEST_CASE("a file that this process has open with another close degree or driver is read") {
  hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_file_locking(access, false, true);  // two drivers would lock each other out
  SECTION("closing strongly, as h5py does") { H5Pset_fclose_degree(access, H5F_CLOSE_STRONG); }
  SECTION("through the C library's buffers") { H5Pset_fapl_stdio(access); }
  SECTION("in memory, with a copy on disk") { H5Pset_fapl_core(access, 65'536, true); }
  {
    OpenForWriting const written{access};
    check_datasets(written.values);
    hid_t const plain = written.open[0];
    CHECK(H5Dget_storage_size(plain) == 8000);  // still open
  }
  H5Pclose(access);
}

TEST_CASE("a file that the program has open read-only is not written, and the error says why") {
  Array<int>{std::vector{1}}.save_as("only read.h5", "u");
  hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_file_locking(access, false, true);
  hid_t const file = H5Fopen("only read.h5", H5F_ACC_RDONLY, access);
  CHECK(Array<int>::open("only read.h5", "u").read() == std::vector{1});
  CHECK_THAT(error_of([] { Array<int>{std::vector{1}}.save_as("only read.h5", "v"); }), contains("read-only"));
  H5Fclose(file);
  H5Pclose(access);
}

TEST_CASE("a dataset is added to a file that the program itself has open for writing") {
  OpenForWriting const written;
  Array<double>{values_of<double>(5000)}.save_as("written.h5", "/added");
  CHECK(Array<double>::open("written.h5", "/added").read() == values_of<double>(5000));
  check_datasets(written.values);
  std::vector<double> found(5000);
  hid_t const added = H5Dopen2(written.file, "/added", H5P_DEFAULT);
  H5Dread(added, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found.data());
  H5Dclose(added);
  CHECK(found == values_of<double>(5000));
}
