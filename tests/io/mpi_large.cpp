#include <farm/array.hpp>
#include <farm/publish.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include "io/arrays/rank_agreement.hpp"
#include "tests/io/files.hpp"
#include "tests/io/memory.hpp"
#include "tests/support/catch.hpp"

#include <sys/sysinfo.h>
#include <fstream>
#include <optional>

using farm::Extents;
using farm::Slab;
using farm::detail::RankAgreement;
namespace fs = std::filesystem;

namespace {

std::uint64_t available_memory() {
  std::ifstream file{"/proc/meminfo"};
  for (std::string name; file >> name;) {
    std::uint64_t kib = 0;
    if (name == "MemAvailable:" && file >> kib) return kib * 1024;
  }
  return 0;
}

/// Returns why 2 ranks cannot write and read an array of so many bytes; empty if they can.
std::string why_not(RankAgreement const& ranks, fs::path const& directory, std::uint64_t bytes) {
  bool const tmpfs = farm::file_system_of(directory) == "tmpfs";
  std::uint64_t const memory = bytes + (tmpfs ? bytes : 0) + (std::uint64_t{1} << 30U);
  std::uint64_t lacking = available_memory() < memory ? 1 : 0;
  if (farm::free_bytes(directory) < bytes + bytes / 10) lacking = 2;
  switch (ranks.maximum(lacking)) {
    case 1:
      return fmt::format("fewer than {} bytes of memory are available", memory);
    case 2:
      return fmt::format("fewer than {} bytes are free in {}", bytes + bytes / 10, directory.string());
    default:
      return {};
  }
}

fs::path large_directory() {
  return farm::free_bytes("/dev/shm") > (std::uint64_t{6} << 30U) ? fs::path{"/dev/shm"} : fs::current_path();
}

template <class T>
T mark(std::uint64_t i) {
  return static_cast<T>(i % 101);
}

/// Publishes and reads an array. Checks a sample of the elements, which includes the limits of int.
template <class T>
void check_large(Extents const& extents) {
  RankAgreement const ranks{MPI_COMM_WORLD};
  if (ranks.size() != 2) return;      // the entry with 2 ranks tests it
  std::optional<farm::StageRun> run;  // also removes what a killed test has left
  fs::path const directory = ranks.from_root([&] {
    run.emplace(farm::StageRun::Options{.stage_directory = large_directory()});
    return run->directory().string();
  });
  auto const bytes = farm::detail::element_count(extents) * sizeof(T);
  if (auto const why = why_not(ranks, directory, bytes); !why.empty()) {
    if (ranks.rank() == 0) WARN("skipped: " << why);
    return;
  }
  farm::Array<T> array;
  {
    Slab<T> slab{MPI_COMM_WORLD, extents};
    auto const first = slab.first_row() * slab.row_size();
    for (std::size_t i = 0; i < slab.size(); i += 4096 / sizeof(T)) slab[i] = mark<T>(first + i);
    MemoryPeak const peak;
    array = farm::publish(MPI_COMM_WORLD, slab, {.directory = directory, .checksum = sizeof(T) == 1});
    CHECK(peak.growth() < 300 * mebibyte);
  }
  CHECK(array.bytes() == bytes);
  auto const slab = array.slab(MPI_COMM_WORLD);
  CHECK(slab.mapped() == (slab.size() != 0));
  auto const first = slab.first_row() * slab.row_size();
  for (std::size_t i = 0; i < slab.size(); i += 65'536 / sizeof(T))
    if (slab[i] != mark<T>(first + i)) FAIL_CHECK("element " << first + i);
  auto last = extents;
  for (auto& index : last) --index;
  auto const count = Extents(extents.size(), 1);
  CHECK(array.read(last, count).at(0) == 0);
  CHECK(array.read(Extents(extents.size()), count).at(0) == mark<T>(0));
  MPI_Barrier(MPI_COMM_WORLD);
}

}  // namespace

TEST_CASE("an array may have more than 2^31 elements") {
  check_large<std::int8_t>({(std::uint64_t{1} << 31U) / 65'536 + 3, 65'536});
}

TEST_CASE("an array of few rows may have more than 2^31 elements, and a row as well") {
  check_large<std::int8_t>({1, 2, (std::uint64_t{1} << 30U) + 4097});
}

TEST_CASE("an array may have 5 GiB") { check_large<double>({5 * 1024, 131'072}); }
