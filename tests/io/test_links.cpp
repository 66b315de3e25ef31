#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>

#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

using farm::Array;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t count = 600;

void write_numbers(hid_t file, char const* name, std::vector<double> const& values) {
  hsize_t const size = values.size();
  hid_t const space = H5Screate_simple(1, &size, nullptr);
  hid_t const dataset = H5Dcreate2(file, name, H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  H5Dclose(dataset);
  H5Sclose(space);
}

/// Makes data/u.h5 with /u and /group/u, and index.h5, whose links lead there and whose own bytes differ.
fs::path linked_files() {
  auto out = fresh_directory("out");
  fs::create_directory(out / "data");
  hid_t const data = H5Fcreate((out / "data" / "u.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  write_numbers(data, "/u", values_of<double>(count));
  H5Gclose(H5Gcreate2(data, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  write_numbers(data, "/group/u", values_of<double>(count));
  H5Fclose(data);
  hid_t const index = H5Fcreate((out / "index.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  write_numbers(index, "/own", std::vector<double>(20'000, 7.0));
  H5Lcreate_external("data/u.h5", "/u", index, "/u", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("data/u.h5", "/group", index, "/linked", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("data/gone.h5", "/u", index, "/gone", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("data/u.h5", "/gone", index, "/gone too", H5P_DEFAULT, H5P_DEFAULT);
  hid_t const group = H5Gcreate2(index, "/group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_external("data/u.h5", "/u", group, "u", H5P_DEFAULT, H5P_DEFAULT);
  H5Gclose(group);
  H5Lcreate_soft("/u", index, "/soft", H5P_DEFAULT, H5P_DEFAULT);
  H5Lcreate_soft("/linked/u", index, "/soft in group", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(index);
  hid_t const twice = H5Fcreate((out / "twice.h5").c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  write_numbers(twice, "/own", std::vector<double>(20'000, 8.0));
  H5Lcreate_external("index.h5", "/soft", twice, "/u", H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(twice);
  return out;
}

}  // namespace

TEST_CASE("the elements behind an external link are those of the link's target") {
  auto const out = linked_files();
  auto const values = values_of<double>(count);
  for (auto const& [file, dataset] : std::vector<std::pair<std::string, std::string>>{{"index.h5", "/u"},
                                                                                      {"index.h5", "/linked/u"},
                                                                                      {"index.h5", "/group/u"},
                                                                                      {"index.h5", "/soft"},
                                                                                      {"index.h5", "/soft in group"},
                                                                                      {"twice.h5", "/u"}}) {
    CAPTURE(file, dataset);
    auto const array = farm::unpack<Array<double>>(farm::pack(Array<double>::open(out / file, dataset)));
    CHECK(array.path() == out / file);
    CHECK(array.read() == values);
    CHECK(array.view().mapped());
    CHECK(array.view()[count - 1] == values.back());
    CHECK(array.copy()[3] == values[3]);
    CHECK(array.rows(5, 2)[1] == values[6]);
    array.save_as(out / "copy.h5", file + dataset);
    CHECK(Array<double>::open(out / "copy.h5", file + dataset).read() == values);
    CHECK(farm::gather(std::vector{array, array}, out / "copy.h5", file + dataset + "s").read({1, 0}, {1, count}) ==
          values);
  }
}

TEST_CASE("an external link whose target is missing is refused, and the error names the target") {
  auto const out = linked_files();
  auto const error_of_open = [&](char const* dataset) {
    return error_of([&] { static_cast<void>(Array<double>::open(out / "index.h5", dataset)); });
  };
  CHECK_THAT(error_of_open("/gone"), contains("index.h5, dataset '/gone'") && contains("data/gone.h5"));
  CHECK_THAT(error_of_open("/gone too"), contains("object 'gone' doesn't exist"));
  auto const array = Array<double>::open(out / "index.h5", "/u");
  fs::rename(out / "data" / "u.h5", out / "data" / "moved.h5");
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }), contains("data/u.h5, dataset '/u': cannot be opened"));
}

TEST_CASE("a dataset that is saved behind an external link lies in the link's target") {
  auto const out = linked_files();
  auto const before = fs::file_size(out / "index.h5");
  Array<int> const array{std::vector{1, 2, 3}};
  array.save_as(out / "index.h5", "/linked/new");
  CHECK(Array<int>::open(out / "data" / "u.h5", "/group/new").read() == array.read());
  CHECK(Array<int>::open(out / "index.h5", "/linked/new").read() == array.read());
  CHECK(Array<double>::open(out / "index.h5", "/own").read() == std::vector<double>(20'000, 7.0));
  CHECK(Array<double>::open(out / "data" / "u.h5", "/u").read() == values_of<double>(count));
  CHECK(fs::file_size(out / "index.h5") == before);
}
