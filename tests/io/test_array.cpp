#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>

#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

using farm::Array;
using farm::Extents;
using farm::StageOptions;

namespace {

template <class T>
void check_round_trip(Extents const& extents) {
  auto const values = values_of<T>(farm::detail::element_count(extents));
  for (std::uint64_t const threshold : {std::uint64_t{0}, std::uint64_t{1} << 20U}) {
    auto const staged = farm::stage(values, extents, {.directory = "stage", .threshold = threshold});
    auto const array = farm::unpack<Array<T>>(farm::pack(staged));
    CHECK(array.is_inline() == (threshold > 0));
    CHECK(array.extents() == extents);
    CHECK(array.bytes() == values.size() * sizeof(T));
    CHECK(array.read() == values);
    auto const view = array.view();
    CHECK(view.mapped() == (threshold == 0));
    CHECK(std::vector<T>(view.begin(), view.end()) == values);
  }
}

template <class... Ts>
void check_types() {
  (check_round_trip<Ts>({5, 3}), ...);
}

}  // namespace

TEST_CASE("an array of any element type is read back as it was staged") {
  fresh_directory("stage");
  check_types<char, signed char, unsigned char, short, unsigned short, int, unsigned, long, unsigned long, long long,
              unsigned long long, wchar_t, char8_t, char16_t, char32_t, float, double, long double, std::complex<float>,
              std::complex<double>>();
}

TEST_CASE("arrays that share a file image are valid HDF5 files") {
  auto const stage = fresh_directory("stage");
  for (std::string const attributes : {"a", "b", "a", "b", "a"}) {
    auto values = values_of<double>(30'000);
    values[7] = attributes[0];
    auto const array =
        farm::stage(values, {100, 300}, {.directory = stage, .threshold = 0, .attributes = {{"told", attributes}}});
    hid_t const file = H5Fopen(array.path().c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
    hid_t const dataset = H5Dopen2(file, "/data", H5P_DEFAULT);
    REQUIRE(dataset >= 0);
    std::vector<double> found(values.size());
    CHECK(H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, found.data()) >= 0);
    CHECK(found == values);
    hid_t const attribute = H5Aopen(dataset, "told", H5P_DEFAULT);
    hid_t const type = H5Aget_type(attribute);
    std::string told(H5Tget_size(type), ' ');
    CHECK(H5Aread(attribute, type, told.data()) >= 0);
    CHECK(told == attributes);
    H5Tclose(type);
    H5Aclose(attribute);
    H5Dclose(dataset);
    H5Fclose(file);
    CHECK(array.read() == values);  // verifies the checksums, which are not part of the image
  }
}

TEST_CASE("arrays may have 1 to 8 axes") {
  fresh_directory("stage");
  Extents extents;
  for (std::uint64_t axis = 0; axis < 8; ++axis) {
    extents.push_back(1 + axis % 3);
    check_round_trip<double>(extents);
  }
  extents.push_back(1);
  CHECK_THROWS_AS(farm::stage(values_of<double>(6), extents), farm::UsageError);
  CHECK_THROWS_AS(farm::stage(values_of<double>(1), {}), farm::UsageError);
  CHECK_THROWS_AS(farm::stage(values_of<double>(0), {std::uint64_t{1} << 61U, 0, 8}), farm::UsageError);
}

TEST_CASE("extents may be zero") {
  fresh_directory("stage");
  for (Extents const& extents : {Extents{0}, Extents{0, 4}, Extents{4, 0}, Extents{2, 0, 3}}) {
    auto const array = farm::stage(std::vector<int>{}, extents, {.directory = "stage", .threshold = 0});
    CHECK(array.valid());
    CHECK(array.read().empty());
    CHECK(array.view().size() == 0);
    CHECK(array.rows(0, extents[0]).rows() == extents[0]);
    CHECK(array.rows(0, extents[0]).with_halo(1).size() == 0);
    array.save_as("empty.h5", "a");
    auto const opened = Array<int>::open("empty.h5", "a");
    CHECK(opened.extents() == extents);
    CHECK(opened.read().empty());
    std::filesystem::remove("empty.h5");
  }
}

TEST_CASE("any block of an array can be read on its own") {
  fresh_directory("stage");
  Extents const extents{4, 5, 6};
  auto const values = values_of<int>(4 * 5 * 6);
  for (std::uint64_t const threshold : {0U, 1000000U}) {
    auto const array = farm::stage(values, extents, {.directory = "stage", .threshold = threshold});
    for (auto const& [offset, count] : {std::pair{Extents{1, 2, 3}, Extents{2, 2, 2}},
                                        {{0, 0, 0}, {4, 5, 6}},
                                        {{3, 0, 0}, {1, 5, 6}},
                                        {{1, 0, 2}, {3, 5, 1}},
                                        {{0, 4, 0}, {4, 1, 6}},
                                        {{4, 5, 6}, {0, 0, 0}},
                                        {{2, 1, 0}, {1, 3, 6}}}) {
      std::vector<int> expected;
      for (auto i = offset[0]; i < offset[0] + count[0]; ++i)
        for (auto j = offset[1]; j < offset[1] + count[1]; ++j)
          for (auto k = offset[2]; k < offset[2] + count[2]; ++k) expected.push_back(values[(i * 5 + j) * 6 + k]);
      CAPTURE(offset, count);
      CHECK(array.read(offset, count) == expected);
    }
    CHECK_THROWS_AS(array.read({0, 0, 0}, {4, 5, 7}), farm::UsageError);
    CHECK_THROWS_AS(array.read({5, 0, 0}, {0, 0, 0}), farm::UsageError);
    CHECK_THROWS_AS(array.read({1, 0, 0}, {~std::uint64_t{0}, 1, 1}), farm::UsageError);
    CHECK_THROWS_AS(array.read({0, 0}, {1, 1}), farm::UsageError);
  }
}

TEST_CASE("a halo is shorter at the ends of the array") {
  fresh_directory("stage");
  auto const array = farm::stage(values_of<double>(40), {10, 4}, {.directory = "stage", .threshold = 0});
  auto const middle = array.rows(4, 2);
  CHECK(middle.mapped());
  CHECK(middle.halo_before() + middle.halo_after() == 0);
  auto const wider = middle.with_halo(3);
  CHECK(wider.first_row() == 1);
  CHECK(wider.rows() == 8);
  CHECK(wider.halo_before() == 3);
  CHECK(wider[0] == value_at<double>(4));
  auto const widest = wider.with_halo(100);  // counted from the rows without halo
  CHECK(widest.first_row() == 0);
  CHECK(widest.rows() == 10);
  CHECK(widest.halo_before() == 4);
  CHECK(widest.halo_after() == 4);
  CHECK(widest.local_extents() == Extents{10, 4});
  CHECK(array.rows(0, 10).with_halo(2).rows() == 10);
  CHECK_THROWS_AS(array.rows(4, 7), farm::UsageError);
}

TEST_CASE("a vector converts to an array of one axis") {
  Array<int> const array = std::vector{1, 2, 3};
  CHECK(array.is_inline());
  CHECK(array.extents() == Extents{3});
  CHECK(array.read() == std::vector{1, 2, 3});
  CHECK(array.path().empty());
}

TEST_CASE("an empty handle is invalid, and reading it throws") {
  Array<int> const array;
  CHECK_FALSE(array.valid());
  CHECK(array.size() == 0);
  CHECK_THROWS_AS(array.read(), farm::UsageError);
  CHECK_THROWS_AS(array.view(), farm::UsageError);
  CHECK_THROWS_AS(array.save_as("nothing.h5", "a"), farm::UsageError);
  CHECK_FALSE(farm::unpack<Array<int>>(farm::pack(array)).valid());
}

TEST_CASE("a packed array of another type is refused") {
  auto const bytes = farm::pack(Array<int>{std::vector{1, 2}});
  CHECK_THROWS_AS(farm::unpack<Array<float>>(bytes), farm::SerializationError);
}

TEST_CASE("views and slabs outlive their handle and file") {
  fresh_directory("stage");
  auto array = farm::stage(values_of<int>(1000), {10, 100}, {.directory = "stage", .threshold = 0});
  auto const view = array.view();
  auto const rows = array.rows(3, 2);
  std::filesystem::remove(array.path());
  array = {};
  CHECK(view[999] == value_at<int>(999));
  CHECK(rows[0] == value_at<int>(300));
  auto const small = Array<int>{std::vector{7, 8}}.view();
  CHECK(small[1] == 8);
}

TEST_CASE("the stage contains complete files only, under the name that was asked for") {
  auto const stage = fresh_directory("stage");
  auto const values = values_of<int>(1000);
  StageOptions const options{.directory = stage, .name = "numbers", .threshold = 0};
  auto const array = farm::stage(values, {1000}, options);
  CHECK(array.path() == stage / "numbers.h5");
  CHECK(array.dataset() == "/data");
  CHECK(farm::detail::ArrayAccess::info(array).data_offset % 4096 == 0);
  CHECK_THAT(error_of([&] { static_cast<void>(farm::stage(values, {1000}, options)); }),
             contains("numbers.h5: a file of this name already exists"));
  CHECK(files_in(stage) == 1);
  CHECK(array.read() == values);
}

TEST_CASE("the unfinished file of a dead writer does not hinder the next attempt") {
  auto const stage = fresh_directory("stage");
  std::ofstream{stage / ".numbers.part"} << "half-writ";
  auto const array = farm::stage(values_of<int>(9), {9}, {.directory = stage, .name = "numbers", .threshold = 0});
  CHECK(array.read() == values_of<int>(9));
  CHECK(files_in(stage) == 1);
}

TEST_CASE("an array above the threshold needs a directory") {
  CHECK_THROWS_AS(farm::stage(values_of<double>(100), {100}, {.threshold = 100}), farm::UsageError);
}
