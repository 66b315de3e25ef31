#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/stage_run.hpp>

#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>

using farm::Array;
namespace fs = std::filesystem;

namespace {

/// Makes the directories out and out/real/deep, and the link out/link to the latter.
fs::path linked_directory() {
  auto out = fresh_directory("out");
  fs::create_directories(out / "real" / "deep");
  fs::create_directory_symlink(out / "real" / "deep", out / "link");
  return out;
}

Array<double> numbers(fs::path const& directory, std::string const& name = {}) {
  return farm::stage(values_of<double>(100), {100}, {.directory = directory, .name = name, .threshold = 0});
}

}  // namespace

TEST_CASE("the parent of a link is the parent of its target, as for the kernel") {
  auto const out = linked_directory();
  Array<int>{std::vector{1}}.save_as(out / "real" / "u.h5", "u");
  Array<int>{std::vector{2}}.save_as(out / "u.h5", "u");
  auto const up = out / "link" / "..";
  auto const array = Array<int>::open(up / "u.h5", "u");
  CHECK(array.read() == std::vector{1});
  array.save_as(up / "saved.h5", "u");
  CHECK(fs::exists(out / "real" / "saved.h5"));
  static_cast<void>(farm::gather(std::vector{array, array}, up / "all.h5", "u"));
  CHECK(fs::exists(out / "real" / "all.h5"));
  CHECK(numbers(up, "staged").read() == values_of<double>(100));
  CHECK(fs::exists(out / "real" / "staged.h5"));
  CHECK(fs::equivalent(farm::StageRun{{.stage_directory = up}}.directory().parent_path(), out / "real"));
  setenv("FARM_STAGE_DIR", up.c_str(), 1);
  CHECK(fs::equivalent(farm::StageRun{}.directory().parent_path(), out / "real"));
  unsetenv("FARM_STAGE_DIR");
  CHECK(files_in(out) == 3);
}

TEST_CASE("a run owns its files, by whichever path its directory was named") {
  auto const out = linked_directory();
  farm::StageRun run{{.stage_directory = out / "link"}};
  farm::set_stage_run(&run);
  auto array = numbers(out / "real" / "deep" / "." / run.directory().filename(), "a");
  auto const file = run.directory() / "a.h5";
  CHECK(fs::exists(file));
  array = {};
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("an empty path is refused") {
  CHECK_THROWS_AS(Array<int>::open("", "u"), farm::UsageError);
  CHECK_THROWS_AS((Array<int>{std::vector{1}}.save_as("", "u")), farm::UsageError);
}

TEST_CASE("a file's name may have 255 bytes, and one byte more is refused") {
  auto const out = fresh_directory("out");
  auto const array = numbers(fresh_directory("stage"));
  for (std::size_t const size : {240U, 247U, 252U, 255U}) {
    std::string const name(size - 3, 'n');
    array.save_as(out / (name + ".h5"), "u");
    array.save_as(out / (name + ".h5"), "again");
    CHECK(Array<double>::open(out / (name + ".h5"), "again").read() == array.read());
    static_cast<void>(farm::gather(std::vector{array}, out / (name + ".hh"), "u"));
    CHECK(numbers(out, std::string(size - 3, 's')).read() == array.read());
  }
  CHECK(files_in(out) == 12);
  CHECK_THAT(error_of([&] { array.save_as(out / std::string(256, 'n'), "u"); }), contains("File name too long"));
  CHECK_THAT(error_of([&] { static_cast<void>(numbers(out, std::string(253, 't'))); }), contains("File name too long"));
  CHECK(files_in(out) == 12);
}

TEST_CASE("a link to a file that does not exist is followed, as when a program creates the file") {
  auto const out = fresh_directory("out");
  fs::create_directory(out / "data");
  fs::create_symlink("data/u.h5", out / "second");
  fs::create_symlink("second", out / "first");
  fs::create_symlink("nowhere/u.h5", out / "lost");
  fs::create_symlink("circle", out / "circle");
  Array<int> const array{std::vector{1, 2}};
  array.save_as(out / "first", "u");
  CHECK(fs::is_symlink(out / "first"));
  CHECK(fs::is_symlink(out / "second"));
  CHECK(Array<int>::open(out / "data" / "u.h5", "u").read() == array.read());
  array.save_as(out / "first", "again");  // the target exists now
  CHECK(Array<int>::open(out / "data" / "u.h5", "again").read() == array.read());
  fs::remove(out / "data" / "u.h5");
  CHECK(farm::gather(std::vector{array, array}, out / "first", "all").extents() == farm::Extents{2, 2});
  CHECK(files_in(out / "data") == 1);
  CHECK_THAT(error_of([&] { array.save_as(out / "lost", "u"); }), contains("cannot be created: No such file"));
  CHECK_THAT(error_of([&] { array.save_as(out / "circle", "u"); }), contains("Too many levels of symbolic links"));
  CHECK(files_in(out) == 5);
}
