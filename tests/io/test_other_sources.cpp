#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>
#include <algorithm>

using farm::Array;
namespace fs = std::filesystem;

namespace {

constexpr hsize_t size = 8;

std::vector<double> filled(std::size_t count, double first) {
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = first + static_cast<double>(i);
  return values;
}

void write_source(std::string const& file, std::vector<double> const& values, std::string const& dataset = "u") {
  write_foreign({.file = file,
                 .dataset = dataset,
                 .type = H5T_NATIVE_DOUBLE,
                 .memory_type = H5T_NATIVE_DOUBLE,
                 .extents = {values.size()}},
                values.data());
}

/// A virtual dataset with the name /v while it is made.
class Virtual {
 public:
  Virtual(hsize_t now, hsize_t most) : space_(H5Screate_simple(1, &now, &most)) {}
  Virtual(Virtual const&) = delete;
  Virtual& operator=(Virtual const&) = delete;
  ~Virtual() {
    H5Pclose(creation_);
    H5Sclose(space_);
  }
  /// Selects blocks of the virtual dataset, and maps them to `selected` elements from `first` on of a source.
  void map(hsize_t start, hsize_t stride, hsize_t blocks, hsize_t block, std::string const& file, hsize_t selected,
           hsize_t first = 0, hsize_t most = 0) const {
    hsize_t const one = 1;
    H5Sselect_hyperslab(space_, H5S_SELECT_SET, &start, &stride, &blocks, &block);
    hsize_t const now = selected == H5S_UNLIMITED ? 1 : first + selected;
    hsize_t const all = std::max(now, most);
    hid_t const source = H5Screate_simple(1, &now, &all);
    H5Sselect_hyperslab(source, H5S_SELECT_SET, &first, &one, &selected, &one);
    CHECK(H5Pset_virtual(creation_, space_, file.c_str(), "u", source) >= 0);
    H5Sclose(source);
  }
  void map_all(hsize_t start, hsize_t count, std::string const& file) const {
    H5Sselect_hyperslab(space_, H5S_SELECT_SET, &start, nullptr, &count, nullptr);
    hid_t const source = H5Screate_simple(1, &count, nullptr);
    CHECK(H5Pset_virtual(creation_, space_, file.c_str(), "u", source) >= 0);
    H5Sclose(source);
  }
  void write(fs::path const& path) const {
    double const fill = -99;
    H5Pset_fill_value(creation_, H5T_NATIVE_DOUBLE, &fill);
    hid_t const file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    H5Dclose(H5Dcreate2(file, "v", H5T_NATIVE_DOUBLE, space_, H5P_DEFAULT, creation_, H5P_DEFAULT));
    H5Fclose(file);
  }

 private:
  hid_t space_;
  hid_t creation_ = H5Pcreate(H5P_DATASET_CREATE);
};

Array<double> open_v(fs::path const& path) { return Array<double>::open(path, "v"); }
std::string error_of_opening(fs::path const& path) {
  return error_of([&] { static_cast<void>(open_v(path)); });
}

/// Sets the working directory while it lives.
class WorkingDirectory {
 public:
  explicit WorkingDirectory(fs::path const& path) { fs::current_path(path); }
  WorkingDirectory(WorkingDirectory const&) = delete;
  WorkingDirectory& operator=(WorkingDirectory const&) = delete;
  ~WorkingDirectory() { fs::current_path(before_); }

 private:
  fs::path before_ = fs::current_path();
};

}  // namespace

TEST_CASE("a virtual dataset is read from its sources, and its gaps are fill values") {
  auto const out = fresh_directory("out");
  write_source(out / "a.h5", filled(4, 1));
  write_source(out / "b%.h5", filled(6, 10));
  Virtual const made{10, 10};
  made.map_all(0, 4, "a.h5");
  made.map(4, 1, 4, 1, "b%%.h5", 4, 1);
  made.write(out / "v.h5");
  auto const array = open_v(out / "v.h5");
  CHECK(array.read() == std::vector<double>{1, 2, 3, 4, 11, 12, 13, 14, -99, -99});
  CHECK(array.copy()[4] == 11);
  CHECK_FALSE(array.view().mapped());
}

TEST_CASE("a virtual dataset whose source is missing or shorter is refused, and the error names the source") {
  auto const out = fresh_directory("out");
  write_source(out / "a.h5", filled(4, 1));
  write_source(out / "b.h5", filled(4, 10));
  Virtual const made{size, size};
  made.map_all(0, 4, "a.h5");
  made.map(4, 1, 4, 1, "b.h5", 4);
  made.write(out / "v.h5");
  auto const array = open_v(out / "v.h5");
  auto const names_it = contains("v.h5, dataset 'v': its virtual source, dataset 'u' of the file b.h5,");
  SECTION("missing") {
    fs::rename(out / "b.h5", out / "moved.h5");
    CHECK_THAT(error_of_opening(out / "v.h5"), names_it && contains("No such file"));
    CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), names_it);
    CHECK_THAT(error_of([&] { array.save_as(out / "c.h5", "v"); }), names_it);
    CHECK(files_in(out) == 3);
    CHECK(array.read({0}, {4}) == filled(4, 1));  // these elements have their source
    CHECK_THAT(error_of([&] { static_cast<void>(array.rows(3, 2)); }), names_it);
  }
  SECTION("without the dataset") {
    write_source(out / "b.h5", filled(4, 10), "other");
    CHECK_THAT(error_of_opening(out / "v.h5"), names_it && contains("object 'u' doesn't exist"));
  }
  SECTION("shorter") {
    write_source(out / "b.h5", filled(2, 10));
    CHECK_THAT(error_of_opening(out / "v.h5"), names_it && contains("its extents are 2"));
    write_source(out / "a.h5", filled(3, 10));
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("a.h5") && contains("its extents are 3"));
  }
  SECTION("no HDF5 file") {
    std::ofstream{out / "b.h5"} << "text";
    CHECK_THAT(error_of_opening(out / "v.h5"), names_it && contains("file signature"));
  }
  SECTION("virtual, and its own source is missing") {
    write_source(out / "c.h5", filled(4, 1));
    Virtual const second{size, size};
    second.map(0, 1, 8, 1, "v.h5", 8);
    hid_t const file = H5Fopen((out / "v.h5").c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    H5Lmove(file, "v", file, "u", H5P_DEFAULT, H5P_DEFAULT);
    H5Fclose(file);
    second.write(out / "w.h5");
    CHECK(open_v(out / "w.h5").read({2}, {3}) == std::vector<double>{3, 4, 10});
    fs::remove(out / "b.h5");
    CHECK_THAT(error_of_opening(out / "w.h5"), contains("v.h5, dataset 'u': its virtual source") && contains("b.h5"));
  }
}

TEST_CASE("a virtual dataset without end has all its sources, or is refused") {
  auto const out = fresh_directory("out");
  auto const write_endless = [&](char const* name, std::vector<double> const& values) {
    hsize_t const now = values.size();
    hsize_t const most = H5S_UNLIMITED;
    hsize_t const chunk = 4;
    hid_t const file = H5Fcreate((out / name).c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const space = H5Screate_simple(1, &now, &most);
    hid_t const creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, 1, &chunk);
    hid_t const dataset = H5Dcreate2(file, "u", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
    H5Fclose(file);
  };
  SECTION("interleaved sources") {
    write_endless("a.h5", filled(4, 1));
    write_endless("b.h5", filled(4, 10));
    Virtual const made{2, H5S_UNLIMITED};
    made.map(0, 2, H5S_UNLIMITED, 1, "a.h5", H5S_UNLIMITED, 0, H5S_UNLIMITED);
    made.map(1, 2, H5S_UNLIMITED, 1, "b.h5", H5S_UNLIMITED, 0, H5S_UNLIMITED);
    made.write(out / "v.h5");
    CHECK(open_v(out / "v.h5").read() == std::vector<double>{1, 10, 2, 11, 3, 12, 4, 13});
    write_endless("b.h5", filled(2, 10));
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file b.h5") && contains("its extents are 2"));
    fs::remove(out / "b.h5");
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file b.h5, cannot be opened"));
    fs::remove(out / "a.h5");
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file a.h5, cannot be opened"));
  }
  SECTION("a source for each block") {
    for (int i = 0; i < 3; ++i) write_source(out / ("p" + std::to_string(i) + ".h5"), filled(3, i));
    Virtual const made{0, H5S_UNLIMITED};
    made.map(0, 3, H5S_UNLIMITED, 3, "p%b.h5", 3);
    made.write(out / "v.h5");
    CHECK(open_v(out / "v.h5").read() == std::vector<double>{0, 1, 2, 1, 2, 3, 2, 3, 4});
    write_source(out / "p1.h5", filled(2, 1));
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file p1.h5") && contains("its extents are 2"));
    fs::remove(out / "p1.h5");
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file p1.h5, cannot be opened"));
    fs::remove(out / "p2.h5");
    CHECK(open_v(out / "v.h5").read() == std::vector<double>{0, 1, 2});  // as before the second was written
    fs::remove(out / "p0.h5");
    CHECK_THAT(error_of_opening(out / "v.h5"), contains("of the file p0.h5, cannot be opened"));
  }
}

TEST_CASE(
    "sources are found where HDF5 seeks them: beside the file, by an absolute path, and in the working directory") {
  auto const out = fresh_directory("out");
  fs::create_directory(out / "sources");
  write_source(out / "sources" / "a.h5", filled(4, 1));
  auto const write_with = [&](std::string const& source) {
    Virtual const made{4, 4};
    made.map_all(0, 4, source);
    made.write(out / "v.h5");
  };
  write_with((out / "sources" / "a.h5").string());
  CHECK(open_v(out / "v.h5").read() == filled(4, 1));
  write_with("/nowhere/a.h5");  // HDF5 then seeks a.h5 elsewhere
  CHECK_THAT(error_of_opening(out / "v.h5"), contains("/nowhere/a.h5"));
  {
    WorkingDirectory const there{out / "sources"};
    CHECK(open_v(out / "v.h5").read() == filled(4, 1));
  }
  write_with("sources/a.h5");
  CHECK(open_v(out / "v.h5").read() == filled(4, 1));
  fs::create_directory(out / "links");
  fs::create_symlink(out / "v.h5", out / "links" / "v.h5");
  CHECK(open_v(out / "links" / "v.h5").read() == filled(4, 1));
}

namespace {

void write_external(fs::path const& file, std::vector<std::string> const& externals, hsize_t each) {
  hsize_t const count = each * externals.size();
  hid_t const opened = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t const creation = H5Pcreate(H5P_DATASET_CREATE);
  for (auto const& external : externals) H5Pset_external(creation, external.c_str(), 16, each * sizeof(double));
  hid_t const space = H5Screate_simple(1, &count, nullptr);
  hid_t const dataset = H5Dcreate2(opened, "v", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, filled(count, 1).data());
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(creation);
  H5Fclose(opened);
}

}  // namespace

TEST_CASE("elements in external files are read, and a missing or short file is named") {
  auto const out = fresh_directory("out");
  write_external(out / "e.h5", {(out / "first.raw").string(), (out / "second.raw").string()}, 4);
  auto const array = open_v(out / "e.h5");
  CHECK(array.read() == filled(8, 1));
  CHECK(array.copy()[7] == 8);
  CHECK(array.rows(3, 2)[1] == 5);
  fs::resize_file(out / "second.raw", 40);
  auto const is_short = contains("second.raw, which is truncated: 48 bytes were expected, found 40");
  CHECK_THAT(error_of_opening(out / "e.h5"),
             contains("e.h5, dataset 'v': its elements lie in the external file") && is_short);
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), is_short);
  fs::remove(out / "second.raw");
  CHECK_THAT(error_of([&] { static_cast<void>(array.view()); }),
             contains("second.raw, which cannot be opened: No such file"));
}

TEST_CASE("relative names of external files mean the same in a process with another working directory") {
  auto const out = fresh_directory("out");
  fs::create_directory(out / "elsewhere");
  Array<double> array;
  {
    WorkingDirectory const there{out};
    write_external("e.h5", {"raw"}, 4);
    array = open_v("e.h5");
    CHECK(array.read() == filled(4, 1));
  }
  std::ofstream{out / "elsewhere" / "raw"} << std::string(48, 'x');
  WorkingDirectory const there{out / "elsewhere"};
  CHECK(array.read() == filled(4, 1));
  CHECK(open_v(out / "e.h5").read() != filled(4, 1));  // HDF5's rule: names refer to the working directory
}

namespace {

std::size_t copy_bytes(unsigned /*flags*/, std::size_t /*n*/, unsigned const* /*values*/, std::size_t bytes,
                       std::size_t* /*size*/, void** /*buffer*/) {
  return bytes;
}

/// Writes a dataset with a filter that only this function knows.
void write_filtered(char const* file, unsigned flags, unsigned skipped) {
  constexpr H5Z_filter_t id = 400;
  H5Z_class2_t const filter{H5Z_CLASS_T_VERS, id, 1, 1, "rot13", nullptr, nullptr, copy_bytes};
  H5Zregister(&filter);
  hsize_t const count = 8;
  hsize_t const chunk = 4;
  hid_t const opened = H5Fcreate(file, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  hid_t const creation = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(creation, 1, &chunk);
  H5Pset_filter(creation, id, flags, 0, nullptr);
  hid_t const space = H5Screate_simple(1, &count, nullptr);
  hid_t const dataset = H5Dcreate2(opened, "v", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  auto const values = filled(count, 1);
  for (hsize_t at = 0; at < count; at += chunk)
    H5Dwrite_chunk(dataset, H5P_DEFAULT, skipped, &at, chunk * sizeof(double), values.data() + at);
  H5Dclose(dataset);
  H5Sclose(space);
  H5Pclose(creation);
  H5Fclose(opened);
  H5Zunregister(id);
}

}  // namespace

TEST_CASE("a filter that HDF5 does not have is named when the array is opened") {
  for (unsigned const flags : {unsigned{H5Z_FLAG_MANDATORY}, unsigned{H5Z_FLAG_OPTIONAL}}) {
    write_filtered("filtered.h5", flags, 0);
    CHECK_THAT(error_of_opening("filtered.h5"), contains("filtered.h5, dataset 'v'") &&
                                                    contains("filter 400 ('rot13')") && contains("HDF5_PLUGIN_PATH"));
  }
  write_filtered("filtered.h5", H5Z_FLAG_OPTIONAL, 1);  // the writer did not have the filter either
  CHECK(open_v("filtered.h5").read() == filled(8, 1));
}
