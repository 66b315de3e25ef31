#include <farm/array.hpp>
#include <farm/error.hpp>

#include "io/arrays/rank_agreement.hpp"
#include "tests/io/files.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

TEST_CASE("a file that several ranks have open for writing through MPI-IO is refused") {
  farm::detail::RankAgreement const ranks{MPI_COMM_WORLD};
  auto const values = values_of<double>(100);
  hid_t const access = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_fapl_mpio(access, MPI_COMM_WORLD, MPI_INFO_NULL);
  hid_t const file = H5Fcreate("together.h5", H5F_ACC_TRUNC, H5P_DEFAULT, access);
  H5Pclose(access);
  hsize_t const size = values.size();
  hid_t const space = H5Screate_simple(1, &size, nullptr);
  hid_t const dataset = H5Dcreate2(file, "u", H5T_NATIVE_DOUBLE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
  H5Sclose(space);
  if (ranks.rank() == 0) H5Dwrite(dataset, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  auto const open = [] { return farm::Array<double>::open("together.h5", "u"); };
  if (ranks.size() == 1) {
    CHECK(open().read() == values);  // one rank can flush its buffers alone
  } else {
    auto const error = error_of([&] { static_cast<void>(open()); });
    CHECK_THAT(error, contains("together.h5: is open for writing through MPI-IO in this process"));
    CHECK_THAT(error_of([] { farm::Array<int>{std::vector{1}}.save_as("together.h5", "v"); }), contains("MPI-IO"));
  }
  H5Dclose(dataset);
  H5Fclose(file);
  MPI_Barrier(MPI_COMM_WORLD);
  CHECK(open().read() == values);
  MPI_Barrier(MPI_COMM_WORLD);
}
