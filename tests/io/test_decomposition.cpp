#include <farm/decomposition.hpp>

#include "tests/support/catch.hpp"

using farm::Decomposition;

TEST_CASE("rows are divided in order, and the first ranks have one more") {
  Decomposition const rows{10, 4};
  for (int rank = 0; auto const expected : {3U, 3U, 2U, 2U}) CHECK(rows.rows_of(rank++) == expected);
  for (int rank = 0; auto const expected : {0U, 3U, 6U, 8U}) CHECK(rows.first_row_of(rank++) == expected);
}

TEST_CASE("every row belongs to exactly one rank") {
  for (std::uint64_t n = 0; n < 20; ++n) {
    for (int ranks = 1; ranks < 9; ++ranks) {
      CAPTURE(n, ranks);
      Decomposition const rows{n, ranks};
      std::uint64_t next = 0;
      for (int rank = 0; rank < ranks; ++rank) {
        CHECK(rows.first_row_of(rank) == next);
        for (std::uint64_t i = 0; i < rows.rows_of(rank); ++i) CHECK(rows.rank_of(next + i) == rank);
        next += rows.rows_of(rank);
      }
      CHECK(next == n);
    }
  }
}

TEST_CASE("with fewer rows than ranks the last ranks have none") {
  Decomposition const rows{2, 4};
  CHECK(rows.rows_of(1) == 1);
  CHECK(rows.rows_of(2) == 0);
  CHECK(rows.first_row_of(3) == 2);
}
