#include <fmt/format.h>
#include <farm/farm.hpp>

#include <tuple>
#include <vector>

auto calc(int i, farm::Comm const& comm) { return std::tuple{i, comm.size()}; }

int main(int argc, char** argv) {
  farm::Runtime runtime{argc, argv};
  farm::MPISpawnPool pool{{.max_ranks = 4, .ranks_per_task = 2}};
  char const* separator = "";
  for (auto [i, size] : pool.map(calc, std::vector{1, 2, 3, 4})) {
    fmt::print("{}({}, {})", separator, i, size);
    separator = " ";
  }
  fmt::print("\n");
}
