#include "io/hdf5/hdf5_info.hpp"

#include "tests/support/catch.hpp"

TEST_CASE("the HDF5 library is parallel and has the version of its headers") {
  auto const info = farm::detail::hdf5_info();
  CHECK(info.parallel);
  CHECK(info.library == info.headers);
  CHECK_THAT(info.library, contains("."));
}
