#include <farm/array.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>
#include <farm/stage_run.hpp>

#include "tests/support/catch.hpp"

using farm::Array;

TEST_CASE("a staged array is read as it was") {
  std::filesystem::create_directory("stage");
  std::vector<double> values(6 * 1000);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i);
  for (std::uint64_t threshold : {std::uint64_t{0}, std::uint64_t{1} << 20U}) {
    auto const array = farm::stage(values, {6, 1000}, {.directory = "stage", .threshold = threshold});
    CHECK(array.is_inline() == (threshold != 0));
    CHECK(array.read() == values);
    auto const copy = farm::unpack<Array<double>>(farm::pack(array));
    CHECK(copy.view().mapped() == (threshold == 0));
    CHECK(copy.view()[1001] == 1001);
    CHECK(copy.read({1, 5}, {2, 2}) == std::vector<double>{1005, 1006, 2005, 2006});
    CHECK(copy.rows(2, 2).with_halo(1).rows() == 4);
  }
}
