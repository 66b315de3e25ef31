#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/save_options.hpp>

#include <hdf5_hl.h>

#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <array>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>

using farm::Array;
using farm::SaveOptions;
namespace fs = std::filesystem;

namespace {

/// An HDF5 file as another program sees it: read by HDF5's functions alone.
class Reader {
 public:
  explicit Reader(fs::path const& path) : file_(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT)) {}
  Reader(Reader const&) = delete;
  Reader& operator=(Reader const&) = delete;
  ~Reader() { H5Fclose(file_); }

  [[nodiscard]] bool has(std::string const& name) const { return H5Lexists(file_, name.c_str(), H5P_DEFAULT) > 0; }

  /// Returns the number of links in the group.
  [[nodiscard]] std::uint64_t links(std::string const& group) const {
    H5G_info_t info{};
    H5Gget_info_by_name(file_, group.c_str(), &info, H5P_DEFAULT);
    return info.nlinks;
  }

  /// Returns the name of member i of the group, in the order of creation.
  [[nodiscard]] std::string member(std::string const& group, hsize_t i) const {
    std::array<char, 100> name{};
    H5Lget_name_by_idx(file_, group.c_str(), H5_INDEX_CRT_ORDER, H5_ITER_INC, i, name.data(), name.size(), H5P_DEFAULT);
    return name.data();
  }

  [[nodiscard]] std::vector<double> numbers(std::string const& name) const {
    hid_t const dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    hid_t const space = H5Dget_space(dataset);
    std::vector<double> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    H5Dread(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    H5Sclose(space);
    H5Dclose(dataset);
    return values;
  }

  [[nodiscard]] std::vector<std::string> texts(std::string const& name) const {
    hid_t const dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    hid_t const space = H5Dget_space(dataset);
    hid_t const type = H5Dget_type(dataset);
    std::vector<char*> values(static_cast<std::size_t>(H5Sget_simple_extent_npoints(space)));
    H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    std::vector<std::string> texts{values.begin(), values.end()};
    H5Dvlen_reclaim(type, space, H5P_DEFAULT, values.data());
    H5Tclose(type);
    H5Sclose(space);
    H5Dclose(dataset);
    return texts;
  }

  /// Returns the names of the dimension scales of the dataset's axes, as their NAME attributes have them; "-" for none.
  [[nodiscard]] std::vector<std::string> scales(std::string const& name) const {
    hid_t const dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    hid_t const space = H5Dget_space(dataset);
    auto const axes = static_cast<unsigned>(H5Sget_simple_extent_ndims(space));
    std::vector<std::string> names(axes, "-");
    for (unsigned axis = 0; axis < axes; ++axis) H5DSiterate_scales(dataset, axis, nullptr, take_name, &names[axis]);
    H5Sclose(space);
    H5Dclose(dataset);
    return names;
  }

  [[nodiscard]] double number_attribute(std::string const& object, char const* name) const {
    double value = std::numeric_limits<double>::quiet_NaN();
    hid_t const attribute = H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT);
    H5Aread(attribute, H5T_NATIVE_DOUBLE, &value);
    H5Aclose(attribute);
    return value;
  }

  [[nodiscard]] std::string text_attribute(std::string const& object, char const* name) const {
    hid_t const attribute = H5Aopen_by_name(file_, object.c_str(), name, H5P_DEFAULT, H5P_DEFAULT);
    hid_t const type = H5Aget_type(attribute);
    char* value = nullptr;
    if (H5Tis_variable_str(type) > 0) H5Aread(attribute, type, &value);
    std::string text{value == nullptr ? "no text" : value};
    H5free_memory(value);
    H5Tclose(type);
    H5Aclose(attribute);
    return text;
  }

  /// Returns "int8 FALSE TRUE" for h5py's type of bools.
  [[nodiscard]] std::string enumeration(std::string const& name) const {
    hid_t const dataset = H5Dopen2(file_, name.c_str(), H5P_DEFAULT);
    hid_t const type = H5Dget_type(dataset);
    std::string text = H5Tget_class(type) == H5T_ENUM && H5Tget_size(type) == 1 ? "int8" : "other";
    for (int const i : {0, 1}) {
      auto value = static_cast<signed char>(i);
      std::array<char, 10> member{};
      H5Tenum_nameof(type, &value, member.data(), member.size());
      text += " " + std::string{member.data()};
    }
    H5Tclose(type);
    H5Dclose(dataset);
    return text;
  }

 private:
  static herr_t take_name(hid_t /*dataset*/, unsigned /*axis*/, hid_t scale, void* text) {
    std::array<char, 100> name{};
    H5DSget_scale_name(scale, name.data(), name.size());
    *static_cast<std::string*>(text) = name.data();
    return 0;
  }

  hid_t file_;
};

/// Returns three arrays of 2 x 4 numbers.
std::vector<Array<double>> three_fields() {
  auto const directory = fresh_directory("stage");
  std::vector<Array<double>> fields;
  for (int i = 0; i < 3; ++i)
    fields.push_back(farm::stage(std::vector<double>(8, i), {2, 4}, {.directory = directory, .threshold = 0}));
  return fields;
}

std::vector<double> const reynolds{10, 20, 40};
std::vector<double> const x{0, 0.5};
std::vector<float> const y{0, 1, 2, 3};

/// Returns the text of the UsageError that `gather` throws for these options. Checks that no file is made.
std::string refusal(SaveOptions const& options) {
  auto const out = fresh_directory("out");
  std::string text = "no UsageError";
  try {
    farm::gather(three_fields(), out / "all.h5", "/psi", options);
  } catch (farm::UsageError const& error) {
    text = error.what();
  }
  CHECK(fs::is_empty(out));
  return text;
}

}  // namespace

TEST_CASE("gather saves attributes, axes and a table in one call") {
  auto const out = fresh_directory("out");
  std::vector<std::string> const labels{"low", "", "h\u00f6chst"};
  auto const all = farm::gather(
      three_fields(), out / "all.h5", "/psi",
      {.attributes = {{"units", "m2/s"}, {"viscosity", 0.01}, {"grid", std::vector{2, 4}}, {"viscous", true}},
       .axes = {{"reynolds", reynolds}, {"x", x}, {"y", y}},
       .table = {{"reynolds", reynolds},
                 {"label", labels},
                 {"converged", std::vector{true, false, true}},
                 {"iterations", std::array{7, 8, 9}}}});
  CHECK(all.extents() == farm::Extents{3, 2, 4});
  CHECK(all.read({2, 1, 3}, {1, 1, 1}) == std::vector{2.0});
  CHECK(files_in(out) == 1);

  Reader const file{out / "all.h5"};
  CHECK(file.text_attribute("/psi", "units") == "m2/s");
  CHECK(file.number_attribute("/psi", "viscosity") == 0.01);
  CHECK(file.scales("/psi") == std::vector<std::string>{"reynolds", "x", "y"});
  CHECK(file.numbers("/reynolds") == reynolds);
  CHECK(file.numbers("/x") == x);
  CHECK(file.numbers("/y") == std::vector<double>{0, 1, 2, 3});
  CHECK(file.links("/") == 5);

  CHECK(file.links("/psi_table") == 4);
  CHECK(file.member("/psi_table", 0) == "reynolds");
  CHECK(file.member("/psi_table", 1) == "label");
  CHECK(file.scales("/psi_table/label") == std::vector<std::string>{"reynolds"});
  CHECK(file.texts("/psi_table/label") == labels);
  CHECK(file.numbers("/psi_table/iterations") == std::vector<double>{7, 8, 9});
  CHECK(file.enumeration("/psi_table/converged") == "int8 FALSE TRUE");
}

TEST_CASE("h5py reads the attributes, the axes and the table") {
  if (std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
    WARN("skipped: h5py for /usr/bin/python3 is not installed (Debian: python3-h5py)");
    return;
  }
  auto const out = fresh_directory("out");
  farm::gather(three_fields(), out / "all.h5", "/psi",
               {.attributes = {{"units", "m2/s"}, {"viscous", true}},
                .axes = {{"reynolds", reynolds}, {"x", x}},
                .table = {{"reynolds", reynolds}, {"converged", std::vector{true, false, true}}}});
  std::ofstream{"read.py"} << "import h5py\n"
                              "with h5py.File('out/all.h5', 'r') as f:\n"
                              "  d = f['psi']\n"
                              "  assert d.attrs['units'] == 'm2/s' and d.attrs['viscous'] == True\n"
                              "  assert [list(a.keys()) for a in d.dims] == [['reynolds'], ['x'], []]\n"
                              "  assert list(d.dims[0]['reynolds']) == [10, 20, 40]\n"
                              "  t = {name: list(column[:]) for name, column in f['psi_table'].items()}\n"
                              "  assert list(t.items()) == [('reynolds', [10, 20, 40]), ('converged', [1, 0, 1])], t\n"
                              "  assert f['psi_table/converged'].dtype == bool\n";
  CHECK(std::system("/usr/bin/python3 read.py 2>read.err") == 0);
}

TEST_CASE("save_as takes the same options, and its attributes take precedence over those of the array") {
  auto const out = fresh_directory("out");
  auto const array = farm::stage(
      std::vector<double>(8, 1), {2, 4},
      {.directory = fresh_directory("stage"), .threshold = 0, .attributes = {{"units", "none"}, {"task", "17"}}});
  array.save_as(out / "a.h5", "run/psi",
                {.attributes = {{"units", "m2/s"}}, .axes = {{"x", x}}, .table = {{"weight", x}}});
  {
    Reader const file{out / "a.h5"};
    CHECK(file.text_attribute("run/psi", "units") == "m2/s");
    CHECK(file.scales("run/psi") == std::vector<std::string>{"x", "-"});
    CHECK(file.numbers("run/psi_table/weight") == x);
    CHECK(file.links("run") == 3);
  }
  Array<double>::open(out / "a.h5", "run/psi").save_as(out / "b.h5", "again");
  CHECK(Reader{out / "b.h5"}.text_attribute("again", "units") == "m2/s");
}

TEST_CASE("arrays of one file share axes of equal names and values") {
  auto const out = fresh_directory("out");
  auto const fields = three_fields();
  SaveOptions const options{.axes = {{"reynolds", reynolds}, {"x", x}, {"y", y}}, .table = {{"minimum", reynolds}}};
  for (char const* const name : {"/psi", "/omega"}) farm::gather(fields, out / "all.h5", name, options);
  {
    Reader const file{out / "all.h5"};
    CHECK(file.scales("/omega") == file.scales("/psi"));
    CHECK(file.links("/") == 7);
    CHECK(file.scales("/omega_table/minimum") == std::vector<std::string>{"reynolds"});
  }
  CHECK(Array<double>::open(out / "all.h5", "/omega").read({1, 0, 0}, {1, 1, 1}) == std::vector{1.0});

  auto const more = [&](SaveOptions const& other) {
    return error_of([&] { farm::gather(fields, out / "all.h5", "/more", other); });
  };
  CHECK_THAT(more({.axes = {{"reynolds", std::vector{1.0, 2.0, 3.0}}}}),
             contains("dataset '/reynolds': is a dimension scale with other values already"));
  CHECK_THAT(more({.axes = {{"reynolds", std::vector{10, 20, 40}}}}), contains("other values"));
  CHECK_THAT(more({.axes = {{"psi", reynolds}}}), contains("dataset '/psi': already exists and is no dimension scale"));
  Array<int>{std::vector{1}}.save_as(out / "all.h5", "/more_table");
  CHECK_THAT(more({.table = {{"a", reynolds}}}), contains("dataset '/more_table': already exists"));
  Reader const file{out / "all.h5"};
  CHECK_FALSE(file.has("/more"));
  CHECK(file.links("/") == 8);
}

TEST_CASE("if saving fails, neither axes nor a table stay in the file") {
  auto const out = fresh_directory("out");
  auto fields = three_fields();
  farm::gather(fields, out / "all.h5", "/psi", {.axes = {{"reynolds", reynolds}}});
  fs::remove(fields[1].path());
  SaveOptions const options{.axes = {{"reynolds", reynolds}, {"x", x}}, .table = {{"minimum", reynolds}}};
  CHECK_THAT(error_of([&] { farm::gather(fields, out / "all.h5", "/omega", options); }), contains("No such file"));
  Reader const file{out / "all.h5"};
  CHECK(file.links("/") == 2);
  hid_t const opened = H5Fopen((out / "all.h5").c_str(), H5F_ACC_RDONLY, H5P_DEFAULT);
  hid_t const references = H5Aopen_by_name(opened, "/reynolds", "REFERENCE_LIST", H5P_DEFAULT, H5P_DEFAULT);
  hid_t const space = H5Aget_space(references);
  CHECK(H5Sget_simple_extent_npoints(space) == 1);  // only "/psi" uses the axis
  H5Sclose(space);
  H5Aclose(references);
  H5Fclose(opened);
}

TEST_CASE("options that do not suit the array are refused before a file is made") {
  std::string const zero_byte("a\0b", 3);
  CHECK_THAT(refusal({.axes = {{"reynolds", x}}}),
             contains("the axis 'reynolds' has 2 values, and the array has 3 there"));
  CHECK_THAT(refusal({.axes = {{"reynolds", 5.0}}}), contains("the axis 'reynolds' is a single value; give 3 of them"));
  CHECK_THAT(refusal({.axes = {{"a", reynolds}, {"b", x}, {"c", y}, {"d", x}}}),
             contains("4 axes are named, and the array has 3"));
  CHECK_THAT(refusal({.axes = {{"psi", reynolds}}}), contains("has the name of the dataset or its table"));
  CHECK_THAT(refusal({.axes = {{"psi_table", reynolds}}}), contains("has the name of the dataset or its table"));
  CHECK_THAT(refusal({.axes = {{"a", reynolds}, {"a", x}}}), contains("the axis 'a' is given twice"));
  CHECK_THAT(refusal({.axes = {{"z", std::vector<std::complex<double>>(3)}}}), contains("has complex numbers"));
  CHECK_THAT(refusal({.table = {{"minimum", y}}}), contains("the column 'minimum' has 4 values"));
  CHECK_THAT(refusal({.table = {{"a/b", reynolds}}}), contains("'a/b' cannot be the name of a column"));
  CHECK_THAT(refusal({.table = {{"a", reynolds}, {"a", reynolds}}}), contains("the column 'a' is given twice"));
  CHECK_THAT(refusal({.attributes = {{"", 1}}}), contains("'' cannot be the name of an attribute"));
  CHECK_THAT(refusal({.attributes = {{"a", 1}, {"a", 2}}}), contains("the attribute 'a' is given twice"));
  CHECK_THAT(refusal({.attributes = {{"writer", "me"}}}), contains("the attribute 'writer' is reserved"));
  CHECK_THAT(refusal({.attributes = {{"big", std::vector<double>(10'000)}}}),
             contains("the attribute 'big' has 80000 bytes, and HDF5 allows 64000"));
  CHECK_THAT(refusal({.attributes = {{"note", zero_byte}}}), contains("a text with a zero byte"));
}

TEST_CASE("the directory of a saved file must exist") {
  auto const out = fresh_directory("out");
  CHECK_THAT(error_of([&] { farm::gather(three_fields(), out / "new" / "all.h5", "/psi"); }),
             contains("cannot be created: No such file or directory"));
  CHECK(fs::is_empty(out));
}
