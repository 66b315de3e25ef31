#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>

#include "io/arrays/parallel_write.hpp"
#include "tests/io/files.hpp"
#include "tests/io/memory.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <sys/mount.h>
#include <sys/resource.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <system_error>

using farm::Array;
using farm::Extents;
using farm::Slab;
using farm::detail::RankAgreement;
namespace fs = std::filesystem;

// No REQUIRE between collectives: a rank that stopped there would block the others.

namespace {

RankAgreement const& world() {
  static RankAgreement const ranks{MPI_COMM_WORLD};
  return ranks;
}

void barrier() { MPI_Barrier(MPI_COMM_WORLD); }

/// Creates an empty directory that all ranks see.
fs::path shared_directory(std::string const& name) {
  barrier();
  if (world().rank() == 0) fresh_directory(name);
  barrier();
  return fs::absolute(name);
}

template <class T>
Slab<T> filled(Extents const& extents) {
  Slab<T> slab{MPI_COMM_WORLD, extents};
  auto const first = slab.first_row() * slab.row_size();
  for (std::size_t i = 0; i < slab.size(); ++i) slab[i] = value_at<T>(first + i);
  return slab;
}

template <class T>
bool holds(farm::View<T> const& view) {
  for (std::size_t i = 0; i < view.size(); ++i) {
    if (view[i] != value_at<T>(i)) return false;
  }
  return true;
}

template <class T>
void check_round_trip(Extents const& extents) {
  CAPTURE(extents, sizeof(T));
  auto const stage = shared_directory("stage");
  for (farm::StageOptions const& options : {farm::StageOptions{.directory = stage, .threshold = 0},
                                            farm::StageOptions{.directory = stage, .threshold = 0, .collective = true},
                                            farm::StageOptions{.directory = stage, .threshold = 1'000'000}}) {
    auto const array = farm::publish(MPI_COMM_WORLD, filled<T>(extents), options);
    bool const in_file = options.threshold == 0 && array.size() != 0;
    CHECK(array.is_inline() == !in_file);
    CHECK(array.extents() == extents);
    CHECK(holds(array.view()));
    CHECK(array.view().mapped() == in_file);
    auto const slab = array.slab(MPI_COMM_WORLD);
    CHECK(slab.rows() == farm::Decomposition{extents[0], world().size()}.rows_of(world().rank()));
    for (std::size_t i = 0; i < slab.size(); ++i)
      if (slab[i] != value_at<T>(slab.first_row() * slab.row_size() + i)) FAIL_CHECK("element " << i);
  }
}

template <class... Ts>
void check_types() {
  (check_round_trip<Ts>({7, 5}), ...);
}

template <class F>
std::string usage_error_of(F f) {
  try {
    f();
  } catch (farm::UsageError const& error) {
    return error.what();
  }
  return "no UsageError";
}

class FileLimit {
 public:
  FileLimit(__rlimit_resource resource, rlim_t value) : resource_(resource) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(resource_, &before_);
    rlimit const now{value, before_.rlim_max};
    setrlimit(resource_, &now);
  }
  FileLimit(FileLimit const&) = delete;
  FileLimit& operator=(FileLimit const&) = delete;
  ~FileLimit() { setrlimit(resource_, &before_); }

 private:
  __rlimit_resource resource_;
  rlimit before_{};
};

}  // namespace

TEST_CASE("the slabs of all ranks become one array, for every element type") {
  check_types<std::int8_t, std::int16_t, std::int32_t, std::int64_t, std::uint8_t, std::uint16_t, std::uint32_t,
              std::uint64_t, float, double, long double, std::complex<float>, std::complex<double>>();
}

TEST_CASE("slabs may have 1 to 8 axes, any number of rows, and zero extents") {
  for (auto const& extents : {Extents{5}, Extents{3, 2}, Extents{2, 3, 4}, Extents{1, 2, 3, 4}, Extents{5, 1, 2, 1, 2},
                              Extents{4, 2, 1, 2, 1, 2}, Extents{1, 1, 1, 1, 1, 1, 1}, Extents{6, 1, 2, 1, 2, 1, 2, 1},
                              Extents{0}, Extents{0, 3}, Extents{3, 0}}) {
    check_round_trip<double>(extents);
  }
}

TEST_CASE("an array is written collectively even if some ranks have no rows") {
  auto const stage = shared_directory("stage");
  for (std::uint64_t const rows : {1U, 2U, 1001U, 1001U}) {  // the last two share a file image
    auto const slab = filled<double>({rows, 300});
    farm::detail::StagedFile file{.type = farm::detail::ElementType::float64, .extents = slab.extents()};
    world().on_root([&] {
      file = farm::detail::begin_staged_file({.directory = stage, .name = "a"}, file.type, slab.extents(), 1, 0);
    });
    file.part = world().from_root([&] { return file.part; });
    CHECK(farm::detail::write_slabs(world(), file, slab, slab.data()));
    world().on_root([&] { farm::detail::complete_staged_file(file, {}); });
    CHECK(holds(Array<double>::open(stage / "a.h5", "/data").view()));
    barrier();
    if (world().rank() == 0) fs::remove(stage / "a.h5");
  }
}

TEST_CASE("a rank's halo contains rows that its neighbours wrote") {
  auto const stage = shared_directory("stage");
  auto const array = farm::publish(MPI_COMM_WORLD, filled<double>({8, 1000}), {.directory = stage, .threshold = 0});
  auto const slab = array.slab(MPI_COMM_WORLD).with_halo(1);
  auto const rank = world().rank();
  CHECK(slab.halo_before() == (rank == 0 ? 0 : 1));
  CHECK(slab.halo_after() == (rank == world().size() - 1 ? 0 : 1));
  CHECK(slab[0] == value_at<double>(slab.first_row() * 1000));
  CHECK(*(slab.end() - 1) == value_at<double>((slab.first_row() + slab.rows()) * 1000 - 1));
}

TEST_CASE("slabs that were read can be published again") {
  auto const stage = shared_directory("stage");
  auto const array = farm::publish(MPI_COMM_WORLD, filled<int>({9, 10}), {.directory = stage, .threshold = 0});
  auto const again = farm::publish(MPI_COMM_WORLD, array.slab(MPI_COMM_WORLD), {.directory = stage, .threshold = 0});
  CHECK(again.path() != array.path());
  CHECK(holds(again.view()));
}

TEST_CASE("all ranks refuse slabs that do not fit together") {
  auto const stage = shared_directory("stage");
  farm::StageOptions const options{.directory = stage, .threshold = 0};
  if (world().size() > 1) {
    auto const rows = static_cast<std::uint64_t>(world().rank() == 0 ? 8 : 9);
    CHECK_THAT(usage_error_of([&] { static_cast<void>(farm::publish(MPI_COMM_WORLD, filled<int>({rows}), options)); }),
               contains("publish slabs of different arrays"));
    Slab<int> const whole{MPI_COMM_SELF, {8}};
    CHECK_THAT(usage_error_of([&] { static_cast<void>(farm::publish(MPI_COMM_WORLD, whole, options)); }),
               contains("rank 1 publishes rows from 0 on, row 8 was expected"));
    auto const array = farm::publish(MPI_COMM_WORLD, filled<int>({8}), {});
    CHECK_THAT(usage_error_of([&] {
                 static_cast<void>(farm::publish(MPI_COMM_WORLD, array.slab(MPI_COMM_WORLD).with_halo(1), options));
               }),
               contains("was expected"));
  }
  CHECK_THAT(usage_error_of([&] { static_cast<void>(farm::publish(MPI_COMM_WORLD, Slab<int>{}, options)); }),
             contains("an empty slab"));
  CHECK_THROWS_AS((Slab<int>{MPI_COMM_WORLD, {}}), farm::UsageError);
  CHECK(fs::is_empty(stage));
}

TEST_CASE("if one rank fails, all ranks throw and no file is left") {
  auto const stage = shared_directory("stage");
  auto const slab = filled<double>({64, 10'000});
  auto const publish = [&] {
    static_cast<void>(farm::publish(MPI_COMM_WORLD, slab, {.directory = stage, .name = "a", .threshold = 0}));
  };
  auto const last = world().size() - 1;
  std::string error;
  {
    std::optional<FileLimit> limit;  // no more files can be opened
    if (world().rank() == last) limit.emplace(RLIMIT_NOFILE, 3);
    error = error_of(publish);
  }
  CHECK_THAT(error, contains("Too many open files"));
  if (last > 0) CHECK_THAT(error, contains("(rank " + std::to_string(last) + " of " + std::to_string(last + 1) + ")"));
  barrier();
  CHECK(fs::is_empty(stage));
  barrier();
  publish();
  CHECK(holds(Array<double>::open(stage / "a.h5", "/data").view()));
}

TEST_CASE("all ranks learn that a collective write has failed, and HDF5 stays usable", "[open_mpi]") {
  auto const stage = shared_directory("stage");
  auto const slab = filled<double>({64, 10'000});
  farm::detail::StagedFile file{.type = farm::detail::ElementType::float64, .extents = slab.extents()};
  world().on_root([&] {
    file = farm::detail::begin_staged_file({.directory = stage, .name = "a"}, file.type, slab.extents(), 1, 0);
  });
  file.part = world().from_root([&] { return file.part; });
  file.data_offset = world().maximum(file.data_offset);
  auto const write = [&] {
    farm::detail::write_slabs(world(), file, slab, slab.data());
    auto const* const data = reinterpret_cast<char const*>(slab.data());
    world().on_all([&] {
      static_cast<void>(farm::detail::compare_rows(file, {slab.first_row(), slab.rows(), 80'000, data}));
    });
  };
  std::string error;
  {
    FileLimit const limit{RLIMIT_FSIZE, 1'000'000};  // on all ranks, since MPI decides which rank writes which bytes
    error = error_of(write);
  }
  CHECK_THAT(error, contains("written"));
  barrier();
  write();
  world().on_root([&] { farm::detail::complete_staged_file(file, {}); });
  CHECK(holds(Array<double>::open(stage / "a.h5", "/data").view()));
}

TEST_CASE("all ranks learn that the disk has become full during a collective write", "[open_mpi]") {
  auto const disk = shared_directory("disk");
  int error_of_mount = 0;
  if (world().rank() == 0 && mount("none", disk.c_str(), "tmpfs", 0, "size=16m") != 0) error_of_mount = errno;
  MPI_Bcast(&error_of_mount, 1, MPI_INT, 0, MPI_COMM_WORLD);
  if (error_of_mount != 0) {
    if (world().rank() == 0) WARN("skipped: mount(tmpfs): " << std::generic_category().message(error_of_mount));
    return;
  }
  auto const slab = filled<double>({64, 10'000});
  farm::detail::StagedFile file{.type = farm::detail::ElementType::float64, .extents = slab.extents()};
  world().on_root([&] {
    file = farm::detail::begin_staged_file({.directory = disk, .name = "a"}, file.type, slab.extents(), 1, 0);
    std::ofstream filler{disk / "filler"};
    std::vector<char> const zeros(1U << 16U);
    while (filler.write(zeros.data(), static_cast<std::streamsize>(zeros.size())).flush()) {
    }
  });
  file.part = world().from_root([&] { return file.part; });
  file.data_offset = world().maximum(file.data_offset);
  auto const write = [&] {
    farm::detail::write_slabs(world(), file, slab, slab.data());
    world().on_all([&] {
      auto const* const data = reinterpret_cast<char const*>(slab.data());
      static_cast<void>(farm::detail::compare_rows(file, {slab.first_row(), slab.rows(), 80'000, data}));
    });
  };
  CHECK_THAT(error_of(write), contains("written"));
  CHECK_THAT(
      error_of([&] {
        static_cast<void>(farm::publish(MPI_COMM_WORLD, slab, {.directory = disk, .threshold = 0, .collective = true}));
      }),
      contains("the file system has"));
  barrier();
  if (world().rank() == 0) fs::remove(disk / "filler");
  barrier();
  write();
  world().on_root([&] { farm::detail::complete_staged_file(file, {}); });
  CHECK(holds(Array<double>::open(disk / "a.h5", "/data").view()));
  barrier();
  if (world().rank() == 0) {
    CHECK(files_in(disk) == 1);
    umount(disk.c_str());
  }
}

TEST_CASE("all ranks learn that the directory does not exist") {
  CHECK_THAT(error_of([] {
               static_cast<void>(
                   farm::publish(MPI_COMM_WORLD, filled<double>({10}), {.directory = "nowhere", .threshold = 0}));
             }),
             contains("cannot be created: No such file or directory"));
}

TEST_CASE("the rank that reads a changed byte detects it") {
  auto const stage = shared_directory("stage");
  auto const array = farm::publish(MPI_COMM_WORLD, filled<double>({100, 4096}), {.directory = stage, .threshold = 0});
  barrier();
  if (world().rank() == 0) flip_byte(array.path(), farm::detail::ArrayAccess::info(array).data_offset + 99 * 4096 * 8);
  barrier();
  auto const read = [&] { static_cast<void>(array.slab(MPI_COMM_WORLD)); };
  if (world().rank() == world().size() - 1)
    CHECK_THAT(error_of(read), contains("99 are corrupt"));
  else
    read();
  auto const stripes = Array<std::uint64_t>::open(array.path(), "/checksums").extents()[0];
  CHECK(stripes == static_cast<std::uint64_t>(world().size()));
}

TEST_CASE("the file has attributes that other programs can read") {
  auto const stage = shared_directory("stage");
  auto const array =
      farm::publish(MPI_COMM_WORLD, filled<std::complex<double>>({6, 2}),
                    {.directory = stage, .threshold = 0, .attributes = {{"task", "17"}, {"function", "heat"}}});
  if (world().rank() == 0) {
    std::ofstream{"read.py"}
        << "import h5py, sys, numpy\n"
           "with h5py.File(sys.argv[1], 'r') as f:\n"
           "  d = f['data']; a = d.attrs\n"
           "  text = lambda n: a[n] if isinstance(a[n], str) else a[n].decode()\n"
           "  assert d.dtype == numpy.complex128 and d.shape == (6, 2), d\n"
           "  assert d[5, 1] == 11 - 5.5j, d[5, 1]\n"
           "  assert text('writer') == 'farm' and text('task') == '17' and text('function') == 'heat'\n"
           "  assert list(a['extents']) == [6, 2] and a['ranks'] == int(sys.argv[2])\n";
    if (std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") != 0) {
      WARN("skipped: h5py for /usr/bin/python3 is not installed (Debian: python3-h5py)");
    } else {
      auto const command =
          "/usr/bin/python3 read.py '" + array.path().string() + "' " + std::to_string(world().size()) + " 2>read.err";
      CHECK(std::system(command.c_str()) == 0);
    }
    if (std::system("command -v h5dump >/dev/null") != 0) {
      WARN("skipped: h5dump is not installed (Debian: hdf5-tools)");
    } else {
      auto const command = "h5dump -A '" + array.path().string() + "' >dump.txt";
      CHECK(std::system(command.c_str()) == 0);
      std::ifstream dump{"dump.txt"};
      std::string const text{std::istreambuf_iterator<char>{dump}, {}};
      CHECK_THAT(text, contains("ATTRIBUTE \"version\""));
    }
  }
  barrier();
}

TEST_CASE("publishing takes a bounded amount of memory beyond the slab") {
  auto const stage = shared_directory("stage");
  auto const slab = filled<double>({256, 131'072});  // 256 MiB in all
  MemoryPeak const peak;
  auto const array = farm::publish(MPI_COMM_WORLD, slab, {.directory = stage, .threshold = 0});
  CHECK(peak.growth() < 100 * mebibyte);
  INFO("grew by " << peak.growth() / mebibyte << " MiB");
  barrier();
  if (world().rank() == 0) fs::remove(array.path());
}
