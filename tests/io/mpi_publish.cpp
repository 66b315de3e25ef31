#include <farm/array.hpp>
#include <farm/publish.hpp>

#include "tests/support/catch.hpp"

TEST_CASE("slabs that all ranks publish are one array") {
  std::filesystem::create_directory("stage");
  for (std::uint64_t threshold : {std::uint64_t{0}, std::uint64_t{1} << 20U}) {
    farm::Slab<double> slab{MPI_COMM_WORLD, {7, 100}};
    for (std::size_t i = 0; i < slab.size(); ++i) slab[i] = static_cast<double>(slab.first_row() * 100 + i);
    auto const array = farm::publish(MPI_COMM_WORLD, slab, {.directory = "stage", .threshold = threshold});
    auto const all = array.view();
    CHECK(all.size() == 700);
    for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == static_cast<double>(i));
    CHECK(array.slab(MPI_COMM_WORLD).first_row() == slab.first_row());
    MPI_Barrier(MPI_COMM_WORLD);
  }
}
