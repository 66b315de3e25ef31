#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "tests/io/files.hpp"
#include "tests/io/memory.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <chrono>
#include <cstdlib>
#include <thread>

using farm::Array;

namespace {

constexpr std::uint64_t rows = 1000;
constexpr std::uint64_t columns = 4096;  // 32 KiB per row, so 128 rows per stripe

Array<double> staged(bool checksum = true) {
  return farm::stage(values_of<double>(rows * columns), {rows, columns},
                     {.directory = fresh_directory("stage"), .threshold = 0, .checksum = checksum});
}

void flip_in_row(Array<double> const& array, std::uint64_t row) {
  flip_byte(array.path(), farm::detail::ArrayAccess::info(array).data_offset + row * columns * sizeof(double) + 100);
}

}  // namespace

TEST_CASE("every way of reading detects a changed byte in a stripe that it touches") {
  auto const array = staged();
  flip_in_row(array, 500);
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }),
             contains("dataset '/data': rows 384 to 511 are corrupt: checksum"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.view()); }), contains("rows 384 to 511"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.rows(400, 5)); }), contains("rows 384 to 511"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.rows(0, 385)); }), contains("rows 384 to 511"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.read({511, 7}, {1, 1})); }), contains("rows 384 to 511"));
  CHECK_THAT(error_of([&] { array.save_as("copy.h5", "a"); }), contains("rows 384 to 511"));
  CHECK_FALSE(std::filesystem::exists("copy.h5"));
  CHECK(array.rows(0, 384)[0] == value_at<double>(0));
  CHECK(array.rows(512, 488).rows() == 488);
}

TEST_CASE("a stripe is verified once, and again after the file has been modified") {
  auto const array = staged();
  CHECK(array.read().size() == rows * columns);
  struct stat before {};
  stat(array.path().c_str(), &before);
  flip_in_row(array, 3);
  // Reset the file's time, so that the file looks unmodified.
  timespec const times[2] = {before.st_atim, before.st_mtim};
  utimensat(AT_FDCWD, array.path().c_str(), times, 0);
  CHECK(array.read().size() == rows * columns);
  std::filesystem::last_write_time(array.path(), std::filesystem::file_time_type::clock::now());
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), contains("rows 0 to 127"));
}

TEST_CASE("checksums can be turned off for one array, and for all arrays with FARM_CHECKSUM=0") {
  auto const array = staged(false);
  flip_in_row(array, 3);
  CHECK(array.read().size() == rows * columns);

  auto const with = staged();
  flip_in_row(with, 3);
  setenv("FARM_CHECKSUM", "0", 1);
  CHECK(with.read().size() == rows * columns);
  auto const without = staged();
  unsetenv("FARM_CHECKSUM");
  flip_in_row(without, 3);
  CHECK(without.read().size() == rows * columns);
  CHECK_THAT(error_of([&] { static_cast<void>(Array<std::uint64_t>::open(without.path(), "/checksums")); }),
             contains("cannot be opened"));
}

TEST_CASE("the checksums are a dataset of stripes in the order of rows") {
  auto const array = staged();
  auto const stripes = Array<std::uint64_t>::open(array.path(), "/checksums");
  CHECK(stripes.extents() == farm::Extents{8, 3});
  CHECK(stripes.read({0, 0}, {8, 2}) ==
        std::vector<std::uint64_t>{0, 128, 128, 128, 256, 128, 384, 128, 512, 128, 640, 128, 768, 128, 896, 104});
}

TEST_CASE("a row that is longer than a stripe is a stripe of its own") {
  auto const array =
      farm::stage(values_of<char>(18'000'000), {3, 6'000'000}, {.directory = fresh_directory("stage"), .threshold = 0});
  CHECK(Array<std::uint64_t>::open(array.path(), "/checksums").extents()[0] == 3);
  flip_byte(array.path(), farm::detail::ArrayAccess::info(array).data_offset + 6'000'001);
  CHECK(array.rows(0, 1)[5] == value_at<char>(5));
  CHECK_THAT(error_of([&] { static_cast<void>(array.read({1, 0}, {1, 1})); }), contains("rows 1 to 1"));
}

TEST_CASE("reading a truncated staged file reports the truncation, not a checksum") {
  auto const array = staged();
  std::filesystem::resize_file(array.path(), 1'000'000);
  CHECK_THAT(error_of([&] { static_cast<void>(array.view()); }),
             contains("is truncated: 34865152 bytes were expected"));
}
