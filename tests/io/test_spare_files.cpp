#include <farm/array.hpp>
#include <farm/publish.hpp>
#include <farm/stage_run.hpp>

#include "io/stage/spare_files.hpp"
#include "tests/io/files.hpp"
#include "tests/io/other_process.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <sys/mount.h>
#include <sys/stat.h>
#include <cerrno>
#include <cstdlib>
#include <system_error>

using farm::Array;
using farm::StageRun;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t count = 200'000;  // more than 1 MiB

/// The run of this process, on a local file system.
struct Run {
  fs::path stage = fresh_directory("stage");
  StageRun run{{.stage_directory = stage}};
  Run() { farm::set_stage_run(&run); }

  [[nodiscard]] std::size_t spares() const {
    auto const directory = run.directory() / "spare";
    return fs::exists(directory) ? files_in(directory) : 0;
  }
};

Array<double> numbers(double factor, std::uint64_t size = count) {
  auto values = values_of<double>(size);
  for (auto& value : values) value *= factor;
  return farm::stage(values, {size});
}

bool holds(Array<double> const& array, double factor) {
  auto const values = array.read();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (values[i] != factor * value_at<double>(i)) return false;
  return true;
}

ino_t inode_of(fs::path const& file) {
  struct stat status {};
  return stat(file.c_str(), &status) == 0 ? status.st_ino : 0;
}

}  // namespace

TEST_CASE("the file of a removed array is reused for the next array of its size") {
  Run const run;
  auto array = numbers(1);
  auto const path = array.path();
  auto const inode = inode_of(path);
  array = {};
  CHECK_FALSE(fs::exists(path));
  CHECK(run.spares() == 1);
  auto const next = numbers(2, count - 1000);
  CHECK(inode_of(next.path()) == inode);
  CHECK(next.path() != path);
  CHECK(run.spares() == 0);
  CHECK(holds(next, 2));
  CHECK(Array<double>::open(next.path(), "/data").extents() == farm::Extents{count - 1000});
}

TEST_CASE("a spare file that is too small or more than twice too large is not reused") {
  Run const run;
  static_cast<void>(numbers(1));
  auto const larger = numbers(2, count + 1000);
  auto const smaller = numbers(3, count / 2 - 20'000);
  CHECK(run.spares() == 1);
  CHECK(holds(larger, 2));
  CHECK(holds(smaller, 3));
}

TEST_CASE("small files do not become spare files") {
  Run const run;
  static_cast<void>(numbers(1, 100'000));
  CHECK(run.spares() == 0);
  CHECK(files_in(run.run.directory()) == 1);
}

TEST_CASE("a file that a process has mapped is not reused") {
  Run const run;
  auto array = numbers(1);
  auto const copy = array.copy();
  OtherProcess reader{[info = farm::detail::ArrayAccess::info(array)] {
    static auto const view = farm::detail::ArrayAccess::view<double>(
        std::make_shared<farm::detail::KeptArray const>(farm::detail::KeptArray{info}));
    return view.size() == count;
  }};
  REQUIRE(reader.did());
  SECTION("this process has it mapped") { reader.kill(); }
  SECTION("another process has it mapped as well") {}
  auto const inode = inode_of(array.path());
  array = {};
  CHECK(run.spares() == 0);
  auto const next = numbers(2);
  CHECK(inode_of(next.path()) != inode);
  CHECK(copy[count - 1] == value_at<double>(count - 1));
}

TEST_CASE("there are at most 32 spare files") {
  Run const run;
  {
    std::vector<Array<double>> arrays;
    for (int i = 0; i < 35; ++i) arrays.push_back(numbers(1, 140'000));
  }
  CHECK(run.spares() == 32);
}

TEST_CASE("spare files are removed if the disk becomes full") {
  auto const small = fresh_directory("small");
  if (mount("none", small.c_str(), "tmpfs", 0, "size=32m") != 0) {
    WARN("skipped: mount(tmpfs): " << std::generic_category().message(errno));
    return;
  }
  {
    StageRun run{{.stage_directory = small}};
    farm::set_stage_run(&run);
    static_cast<void>(numbers(1));
    CHECK(files_in(run.directory() / "spare") == 1);
    auto const all = numbers(2, 32'300'000 / 8);
    CHECK(files_in(run.directory() / "spare") == 0);
    CHECK(holds(all, 2));
    CHECK_THAT(error_of([] { static_cast<void>(numbers(3)); }), contains("the file system has"));
  }
  CHECK(fs::is_empty(small));
  umount(small.c_str());
}

TEST_CASE("changing a copy does not change the array") {
  Run const run;
  auto const array = numbers(1);
  auto copy = array.copy();
  CHECK(copy.size() == count);
  for (std::size_t i = 0; i < copy.size(); ++i) copy[i] *= 3;
  CHECK(holds(array, 1));
  CHECK(copy[7] == 3 * value_at<double>(7));
  auto small = numbers(1, 10).copy();
  small[3] = 0;
  CHECK(small[4] == value_at<double>(4));
}
