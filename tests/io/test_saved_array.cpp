#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

#include "tests/io/files.hpp"
#include "tests/io/memory.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

using farm::Array;
using farm::Extents;
namespace fs = std::filesystem;

namespace {

Array<double> numbers(Extents const& extents, std::uint64_t threshold = 0) {
  return farm::stage(values_of<double>(farm::detail::element_count(extents)), extents,
                     {.directory = fresh_directory("stage"), .threshold = threshold});
}

}  // namespace

TEST_CASE("an array is saved to a new file, or added to an existing one") {
  auto const out = fresh_directory("out");
  auto const array = numbers({10, 20});
  array.save_as(out / "new.h5", "results/a");
  Array<int>{std::vector{1, 2, 3}}.save_as(out / "new.h5", "results/b");
  CHECK(files_in(out) == 1);
  auto const a = Array<double>::open(out / "new.h5", "results/a");
  CHECK(a.extents() == Extents{10, 20});
  CHECK(a.read() == array.read());
  CHECK(a.view().mapped());
  CHECK(Array<int>::open(out / "new.h5", "/results/b").read() == std::vector{1, 2, 3});
}

TEST_CASE("an existing dataset is not overwritten") {
  auto const out = fresh_directory("out");
  auto const array = numbers({10, 20});
  array.save_as(out / "new.h5", "a");
  CHECK_THAT(error_of([&] { numbers({5}).save_as(out / "new.h5", "a"); }),
             contains("new.h5, dataset 'a': already exists"));
  CHECK(Array<double>::open(out / "new.h5", "a").extents() == Extents{10, 20});
}

TEST_CASE("if saving fails, neither a new file nor a new dataset exists") {
  auto const out = fresh_directory("out");
  auto const lost = numbers({10, 20});
  fs::remove(lost.path());
  CHECK_THAT(error_of([&] { lost.save_as(out / "new.h5", "a"); }), contains("No such file"));
  CHECK(fs::is_empty(out));

  Array<int>{std::vector{1}}.save_as(out / "old.h5", "b");
  CHECK_THAT(error_of([&] { lost.save_as(out / "old.h5", "a"); }), contains("No such file"));
  CHECK_THAT(error_of([&] { static_cast<void>(Array<double>::open(out / "old.h5", "a")); }),
             contains("cannot be opened"));
  CHECK(Array<int>::open(out / "old.h5", "b").read() == std::vector{1});
  hid_t const file = H5Fopen((out / "old.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  H5G_info_t group{};
  H5Gget_info(file, &group);
  H5Fclose(file);
  CHECK(group.nlinks == 1);

  CHECK_THAT(error_of([&] { numbers({2}).save_as("nowhere/new.h5", "a"); }),
             contains("cannot be created: No such file"));
  std::ofstream{out / "text"} << "no HDF5";
  CHECK_THAT(error_of([&] { numbers({2}).save_as(out / "text", "a"); }),
             contains("text: cannot be opened for writing: file signature"));
  CHECK(fs::file_size(out / "text") == 7);
}

TEST_CASE("an array can be copied within its own file") {
  auto const values = values_of<double>(600);
  write_foreign({.file = "own.h5",
                 .type = H5T_NATIVE_DOUBLE,
                 .memory_type = H5T_NATIVE_DOUBLE,
                 .extents = {20, 30},
                 .chunk = {7, 8}},
                values.data());
  Array<double>::open("own.h5", "data").save_as("own.h5", "copy");
  CHECK(Array<double>::open("own.h5", "copy").read() == values);
}

TEST_CASE("arrays are gathered along a new first axis") {
  auto const out = fresh_directory("out");
  auto const stage = fresh_directory("parts");
  std::vector<Array<int>> parts;
  for (int i = 0; i < 3; ++i) {
    std::vector<int> values(6, i);
    parts.push_back(farm::stage(values, {2, 3}, {.directory = stage, .threshold = i == 1 ? 1000U : 0U}));
  }
  auto const all = farm::gather(parts, out / "all.h5", "all");
  CHECK(all.extents() == Extents{3, 2, 3});
  CHECK(all.read() == std::vector{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2});
  CHECK(all.view().mapped());

  parts.push_back(farm::stage(std::vector{1, 2}, {2}));
  CHECK_THROWS_AS(farm::gather(parts, out / "more.h5", "all"), farm::UsageError);
  CHECK_THROWS_AS(farm::gather(std::vector<Array<int>>{}, out / "more.h5", "all"), farm::UsageError);
  CHECK_THROWS_AS(farm::gather(std::vector<Array<int>>(1), out / "more.h5", "all"), farm::UsageError);
  CHECK_THROWS_AS(farm::gather(std::vector{farm::stage(std::vector{1}, Extents(8, 1))}, out / "more.h5", "all"),
                  farm::UsageError);
  CHECK(files_in(out) == 1);
}

TEST_CASE("copying an array takes a bounded amount of memory") {
  auto const out = fresh_directory("out");
  auto const array = numbers({300, 131'072});  // 300 MiB
  MemoryPeak const peak;
  array.save_as(out / "copy.h5", "a");
  CHECK(peak.growth() < 80 * mebibyte);
  static_cast<void>(farm::gather(std::vector{array, array}, out / "both.h5", "a"));
  CHECK(peak.growth() < 80 * mebibyte);
  auto const copy = Array<double>::open(out / "both.h5", "a");
  CHECK(copy.read({1, 299, 131'071}, {1, 1, 1}).at(0) == value_at<double>(300 * 131'072 - 1));
  fs::remove_all(out);
  fs::remove_all("stage");
}

namespace {

/// Returns the text of an attribute; empty if it does not exist.
std::string attribute_of(fs::path const& path, char const* dataset, char const* name) {
  hid_t const file = H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  std::string text;
  if (H5Aexists_by_name(file, dataset, name, H5P_DEFAULT) > 0) {
    hid_t const attribute = H5Aopen_by_name(file, dataset, name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const type = H5Aget_type(attribute);
    text.resize(H5Tget_size(type));
    H5Aread(attribute, type, text.data());
    H5Tclose(type);
    H5Aclose(attribute);
  }
  H5Fclose(file);
  return text;
}

}  // namespace

TEST_CASE("a saved array has the attributes of the original, also within one file and in copies of copies") {
  auto const out = fresh_directory("out");
  auto const array = farm::stage(
      values_of<double>(200), {200},
      {.directory = fresh_directory("stage"), .threshold = 0, .attributes = {{"task", "17"}, {"note", "heat"}}});
  array.save_as(out / "a.h5", "u");
  Array<double>::open(out / "a.h5", "u").save_as(out / "a.h5", "again");
  Array<double>::open(out / "a.h5", "again").save_as(out / "b.h5", "u");
  CHECK(attribute_of(out / "a.h5", "u", "task") == "17");
  CHECK(attribute_of(out / "a.h5", "again", "task") == "17");
  CHECK(attribute_of(out / "b.h5", "u", "note") == "heat");
  CHECK(attribute_of(out / "b.h5", "u", "writer") == "farm");
  CHECK(Array<double>::open(out / "b.h5", "u").read() == values_of<double>(200));
}
