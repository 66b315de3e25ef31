#include <farm/array.hpp>
#include <farm/publish.hpp>
#include <farm/stage_run.hpp>

#include "tests/io/files.hpp"
#include "tests/io/restricted.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <cerrno>

using farm::Array;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t rows = 1000;
constexpr std::uint64_t columns = 300;

template <class Values>
bool same(Values const& found, std::vector<double> const& values) {
  return std::equal(found.begin(), found.end(), values.begin(), values.end());
}

/// Returns "right", or which ways to the elements gave something else.
std::string check_ways(Array<double> const& array, std::vector<double> const& values, bool mapped) {
  std::string wrong;
  auto const expect = [&](bool right, char const* way) { wrong += right ? "" : std::string{way} + " "; };
  auto copy = array.copy();
  copy[7] = -1;
  expect(copy[7] == -1 && copy[8] == values[8] && copy.size() == values.size(), "copy");
  expect(same(array.read(), values), "read");
  expect(same(array.view(), values), "view");
  expect(array.view().mapped() == mapped, "mapped");
  expect(array.rows(500, 2)[columns] == values[501 * columns], "rows");
  expect(array.rows(500, 2).with_halo(1).rows() == 4, "halo");
  expect(array.read({3, 4}, {2, 1}) == std::vector{values[3 * columns + 4], values[4 * columns + 4]}, "block");
  return wrong.empty() ? "right" : wrong;
}

std::string check_all(bool mapped) {
  auto const values = values_of<double>(rows * columns);
  farm::StageRun run{{.stage_directory = fresh_directory("stage")}};
  farm::set_stage_run(&run);
  for (int i = 0; i < 3; ++i) {  // the second and the third array lie in the first one's spare file, if there is one
    auto const staged = farm::stage(values, {rows, columns}, {.threshold = 0});
    if (auto const said = check_ways(staged, values, mapped); said != "right") return "staged: " + said;
  }
  auto const out = fresh_directory("out");
  farm::stage(values, {rows, columns}).save_as(out / "u.h5", "u");
  auto const array = Array<double>::open(out / "u.h5", "u");
  if (auto const said = check_ways(array, values, mapped); said != "right") return "saved: " + said;
  array.save_as(out / "u.h5", "again");
  farm::Extents const both{2, rows, columns};
  return farm::gather(std::vector{array, array}, out / "all.h5", "u").extents() == both ? "right" : "gathered";
}

}  // namespace

TEST_CASE("arrays are read into memory if the file system maps no files") {
  CHECK(restricted::run({BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)}, [] { return check_all(true); }) == "right");
  for (int const error : {ENODEV, EINVAL, EACCES, EPERM, EOPNOTSUPP}) {
    CAPTURE(error);
    CHECK(restricted::run(restricted::without_mappings(MAP_SHARED, error), [] { return check_all(false); }) == "right");
  }
  CHECK(restricted::run(restricted::without_mappings(MAP_SHARED | MAP_PRIVATE, ENODEV),
                        [] { return check_all(false); }) == "right");
}

TEST_CASE("the farm does without locks if the file system has none") {
  for (int const error : {ENOLCK, EOPNOTSUPP, ENOSYS}) {
    CAPTURE(error);
    CHECK(restricted::run(restricted::without_locks(error), [] { return check_all(true); }) == "right");
    CHECK(fs::is_empty("stage"));
  }
}

TEST_CASE("without locks, nothing tells whether a run is alive, so its directory stays") {
  auto const stage = fresh_directory("stage");
  farm::StageRun const run{{.stage_directory = stage}};
  CHECK(restricted::run(restricted::without_locks(ENOLCK), [&] {
          farm::StageRun const other{{.stage_directory = stage}};
          return std::string{fs::exists(run.directory() / "lock") ? "there" : "removed"};
        }) == "there");
}
