#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "io/files/checksums.hpp"
#include "io/stage/staged_file.hpp"
#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <optional>
#include <system_error>
#include <vector>

using farm::Array;
using namespace farm::detail;
namespace fs = std::filesystem;

namespace {

class Limit {
 public:
  Limit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    getrlimit(resource_, &before_);
    rlimit const now{value, before_.rlim_max};
    setrlimit(resource_, &now);
  }
  Limit(Limit const&) = delete;
  Limit& operator=(Limit const&) = delete;
  ~Limit() { setrlimit(resource_, &before_); }

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

Array<double> numbers(fs::path const& directory, std::uint64_t count = 1000) {
  return farm::stage(values_of<double>(count), {count}, {.directory = directory, .threshold = 0});
}

}  // namespace

TEST_CASE("a full disk is reported, and no file is left") {
  auto const small = fresh_directory("small");
  if (mount("none", small.c_str(), "tmpfs", 0, "size=2m") != 0) {
    WARN("skipped: mount(tmpfs): " << std::generic_category().message(errno));
    return;
  }
  CHECK_THAT(error_of([&] { static_cast<void>(numbers(small, 1'000'000)); }),
             contains("the array needs 8131120 bytes, the file system has 2"));
  CHECK(fs::is_empty(small));
  auto const array = numbers(small, 150'000);
  CHECK_THAT(error_of([&] { array.save_as(small / "copy.h5", "a"); }), contains("the file system has"));
  CHECK(files_in(small) == 1);
  umount(small.c_str());
}

TEST_CASE("a limit of file sizes is reported, and no file is left") {
  auto const stage = fresh_directory("stage");
  signal(SIGXFSZ, SIG_IGN);
  auto const array = numbers(stage, 1'000'000);
  {
    Limit const limit{RLIMIT_FSIZE, 1'000'000};
    CHECK_THAT(error_of([&] { static_cast<void>(numbers(stage, 1'000'000)); }),
               contains("a file of 8196656 bytes cannot be created: File too large"));
    CHECK_THAT(error_of([&] { array.save_as(stage / "copy.h5", "a"); }),
               contains("a file of 8065536 bytes cannot be created: File too large"));
  }
  CHECK(files_in(stage) == 1);
  CHECK(numbers(stage).read() == values_of<double>(1000));
  signal(SIGXFSZ, SIG_DFL);
}

TEST_CASE("a byte that changes before the file is complete is detected, even if HDF5 does not read the file") {
  auto const stage = fresh_directory("stage");
  auto const count = GENERATE(as<std::uint64_t>{}, 1000, 10'000, 1'100'000);
  auto const stripes = GENERATE(as<std::uint64_t>{}, 0, 1, 1000, 3000);  // checksums before and after the elements
  auto const values = values_of<double>(count);
  auto const make = [&](std::uint64_t hash, std::optional<std::uint64_t> lost = {}) {
    auto file = begin_staged_file({.directory = stage}, ElementType::float64, {count}, 1, stripes);
    static_cast<void>(write_rows(file, {0, count, sizeof(double), reinterpret_cast<char const*>(values.data())}));
    if (lost) flip_byte(file.part, *lost);
    complete_staged_file(file, std::vector<Stripe>(stripes, {0, 0, hash}));
    return file;
  };
  make(1);
  auto const file = make(2);
  std::vector<std::uint64_t> places{0, std::min<std::uint64_t>(file.data_offset, 65'536) - 1};
  if (stripes > 0) places.push_back(file.checksums_offset - 1);
  if (file.checksums_offset < file.data_offset) places.push_back(file.checksums_offset + stripes * sizeof(Stripe));
  for (auto const place : places) {
    CAPTURE(count, stripes, place);
    CHECK_THAT(error_of([&] { make(3, place); }), contains("is corrupt"));
  }
}

TEST_CASE("a missing file is reported") {
  auto const array = numbers(fresh_directory("stage"));
  fs::remove(array.path());
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }),
             contains("cannot be opened: No such file or directory"));
  CHECK_THAT(error_of([&] { static_cast<void>(array.view()); }),
             contains("cannot be opened: No such file or directory"));
}

TEST_CASE("a directory in which no file can be created is reported") {
  CHECK_THAT(error_of([] { static_cast<void>(numbers("nowhere")); }), contains("cannot be created: No such file"));
  CHECK_THAT(error_of([] { static_cast<void>(numbers("/proc")); }), contains("cannot be created"));
}

TEST_CASE("a missing permission is reported") {
  auto const array = numbers(fresh_directory("stage"));
  if (geteuid() == 0 && seteuid(65534) != 0) {
    WARN("skipped: seteuid(65534): " << std::generic_category().message(errno));
    return;
  }
  fs::path const file = array.path();
  auto const error = error_of([&] { static_cast<void>(array.read()); });
  auto const error_of_making = error_of([&] { static_cast<void>(numbers(file.parent_path())); });
  if (getuid() == 0) static_cast<void>(seteuid(0));
  CHECK_THAT(error, contains("cannot be opened: Permission denied"));
  CHECK_THAT(error_of_making, contains("cannot be created: Permission denied"));
}

TEST_CASE("too many open files are reported and cause no damage") {
  auto const array = numbers(fresh_directory("stage"));
  array.save_as("external.h5", "a");
  auto const external = Array<double>::open("external.h5", "a");
  {
    Limit const limit{RLIMIT_NOFILE, 64};
    std::vector<int> files;
    for (int file = open("/dev/null", O_RDONLY); file >= 0; file = open("/dev/null", O_RDONLY)) files.push_back(file);
    CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), contains("Too many open files"));
    CHECK_THAT(error_of([&] { static_cast<void>(external.view()); }), contains("Too many open files"));
    CHECK_THAT(error_of([&] { static_cast<void>(numbers("stage")); }), contains("Too many open files"));
    CHECK_THAT(error_of([&] { static_cast<void>(Array<double>::open("external.h5", "a")); }),
               contains("Too many open files"));
    for (int const file : files) close(file);
  }
  CHECK(array.read() == values_of<double>(1000));
}
