#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "tests/io/files.hpp"
#include "tests/io/other_process.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <sys/stat.h>
#include <cerrno>

using farm::Array;

namespace {

template <class T>
std::string error_of_open(std::string const& file, std::string const& dataset) {
  return error_of([&] { static_cast<void>(Array<T>::open(file, dataset)); });
}

Foreign doubles(std::string file) {
  return {.file = std::move(file), .type = H5T_NATIVE_DOUBLE, .memory_type = H5T_NATIVE_DOUBLE, .extents = {20, 30}};
}

}  // namespace

TEST_CASE("a contiguous native dataset of another program is mapped") {
  auto const values = values_of<double>(600);
  write_foreign(doubles("plain.h5"), values.data());
  auto const array = Array<double>::open("plain.h5", "data");
  CHECK(array.view().mapped());
  CHECK(array.read() == values);
  CHECK(array.rows(19, 1)[29] == values.back());
  CHECK(array.path() == std::filesystem::absolute("plain.h5"));
}

TEST_CASE("a chunked and compressed dataset is read, not mapped") {
  auto const values = values_of<double>(600);
  auto foreign = doubles("compressed.h5");
  foreign.chunk = {7, 8};
  foreign.compressed = true;
  write_foreign(foreign, values.data());
  auto const array = Array<double>::open("compressed.h5", "/data");
  CHECK_FALSE(array.view().mapped());
  CHECK(array.read() == values);
  CHECK(array.rows(3, 2)[31] == values[121]);
  CHECK(array.read({5, 6}, {2, 2}) == std::vector{values[156], values[157], values[186], values[187]});
}

TEST_CASE("other byte orders are converted") {
  auto const values = values_of<int>(600);
  write_foreign({.file = "big.h5", .type = H5T_STD_I32BE, .memory_type = H5T_NATIVE_INT, .extents = {600}},
                values.data());
  auto const array = Array<int>::open("big.h5", "data");
  CHECK_FALSE(array.view().mapped());
  CHECK(array.read() == values);
}

TEST_CASE("a dataset in a file with a user block is mapped at the right offset") {
  auto const values = values_of<double>(100);
  hid_t const creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_userblock(creation, 4096);
  hid_t const file = H5Fcreate("block.h5", H5F_ACC_TRUNC, creation, H5P_DEFAULT);
  hsize_t const size = 100;
  hid_t const space = H5Screate_simple(1, &size, nullptr);
  hid_t const dataset = H5Dcreate2(file, "data", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(dataset);
  H5Sclose(space);
  H5Fclose(file);
  H5Pclose(creation);
  auto const array = Array<double>::open("block.h5", "data");
  CHECK(array.view().mapped());
  CHECK(array.read() == values);
}

TEST_CASE("elements of another type are refused, and the error names both types") {
  auto const values = values_of<double>(600);
  write_foreign(doubles("types.h5"), values.data());
  auto const error = error_of_open<float>("types.h5", "data");
  CHECK_THAT(error, contains("types.h5, dataset 'data': elements of type float32 were expected, found float64"));
  CHECK_THAT(error, contains("20 x 30"));
  CHECK_THAT(error_of_open<std::int64_t>("types.h5", "data"), contains("type int64 were expected"));
  CHECK_THAT(error_of_open<std::complex<double>>("types.h5", "data"), contains("type complex128 were expected"));
  CHECK_THAT(error_of_open<long double>("types.h5", "data"), contains("found float64"));

  auto const integers = values_of<int>(10);
  write_foreign({.file = "signs.h5", .type = H5T_NATIVE_INT, .memory_type = H5T_NATIVE_INT, .extents = {10}},
                integers.data());
  CHECK_THAT(error_of_open<unsigned>("signs.h5", "data"), contains("type uint32 were expected, found int32"));
  CHECK_THAT(error_of_open<float>("signs.h5", "data"), contains("type float32 were expected, found int32"));
}

TEST_CASE("datasets with no axes or too many are refused") {
  double const one = 1;
  auto scalar = doubles("axes.h5");
  scalar.extents = {};
  write_foreign(scalar, &one);
  CHECK_THAT(error_of_open<double>("axes.h5", "data"), contains("1 to 8 axes are supported, the dataset has 0"));
  auto many = doubles("axes.h5");
  many.extents.assign(9, 1);
  write_foreign(many, &one);
  CHECK_THAT(error_of_open<double>("axes.h5", "data"), contains("1 to 8 axes are supported, the dataset has 9"));
}

TEST_CASE("the error names the file or dataset that does not exist") {
  CHECK_THAT(error_of_open<double>("absent.h5", "data"), contains("absent.h5: cannot be opened: No such file"));
  auto const values = values_of<double>(600);
  write_foreign(doubles("there.h5"), values.data());
  CHECK_THAT(error_of_open<double>("there.h5", "/other"), contains("there.h5, dataset '/other': cannot be opened"));
  CHECK_THAT(error_of_open<double>("there.h5", "a/b/c"), contains("dataset 'a/b/c'"));
  CHECK_THAT(error_of_open<double>("there.h5", "/"), contains("dataset '/'"));
  std::ofstream{"text.h5"} << "no HDF5 at all";
  CHECK_THAT(error_of_open<double>("text.h5", "data"), contains("text.h5: cannot be opened"));
  std::filesystem::create_directory("directory.h5");
  CHECK_THAT(error_of_open<double>("directory.h5", "data"), contains("directory.h5: cannot be opened"));
  REQUIRE((mkfifo("pipe.h5", 0600) == 0 || errno == EEXIST));
  CHECK_THAT(error_of_open<double>("pipe.h5", "data"), contains("pipe.h5: cannot be opened"));  // without waiting
}

TEST_CASE("a truncated file is refused, even if it was complete when it was opened") {
  auto const values = values_of<double>(60'000);
  auto foreign = doubles("cut.h5");
  foreign.extents = {60'000};
  write_foreign(foreign, values.data());
  auto const array = Array<double>::open("cut.h5", "data");
  std::filesystem::resize_file("cut.h5", 300'000);
  CHECK_THAT(error_of_open<double>("cut.h5", "data"), contains("truncated"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.view()); }), contains("cut.h5, dataset 'data': is truncated"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), contains("is truncated"));
  CHECK(array.rows(0, 10)[9] == values[9]);
}

TEST_CASE("a file that another process is writing is refused") {
  auto const values = values_of<double>(600);
  write_foreign(doubles("busy.h5"), values.data());
  OtherProcess const writer{[] { return H5Fopen("busy.h5", H5F_ACC_RDWR, H5P_DEFAULT) >= 0; }};
  REQUIRE(writer.did());
  CHECK_THAT(error_of_open<double>("busy.h5", "data"), contains("busy.h5: cannot be opened: unable to lock file"));
}

TEST_CASE("a dataset whose extents have changed since open() is refused") {
  auto const values = values_of<double>(600);
  auto foreign = doubles("changed.h5");
  foreign.chunk = {7, 8};
  write_foreign(foreign, values.data());
  auto const array = Array<double>::open("changed.h5", "data");
  foreign.extents = {30, 20};
  write_foreign(foreign, values.data());
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }),
             contains("extents 20 x 30 were expected, found 30 x 20"));
}

TEST_CASE("complex numbers are stored as h5py stores them") {
  fresh_directory("stage");
  auto const values = values_of<std::complex<double>>(50);
  auto const staged = farm::stage(values, {50}, {.directory = "stage", .threshold = 0});
  auto const array = Array<std::complex<double>>::open(staged.path(), "/data");
  CHECK(array.view().mapped());
  CHECK(array.read() == values);
}

TEST_CASE("HDF5 prints no errors of the farm's calls, and the program's own setting is restored") {
  H5E_auto2_t before = nullptr;
  void* data = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &before, &data);
  static_cast<void>(error_of_open<double>("absent.h5", "data"));
  H5E_auto2_t after = nullptr;
  H5Eget_auto2(H5E_DEFAULT, &after, &data);
  CHECK(before == after);
  CHECK(before != nullptr);
}
