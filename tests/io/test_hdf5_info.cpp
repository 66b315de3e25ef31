#include "io/hdf5/hdf5_info.hpp"

#include "tests/support/catch.hpp"

TEST_CASE("HDF5 is parallel, and of the version of its headers") {
  auto const info = farm::detail::hdf5_info();
  CHECK(info.parallel);
  CHECK(info.library == info.headers);
  CHECK_THAT(info.library, contains("."));
}
