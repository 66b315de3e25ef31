#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>
#include <farm/serialize.hpp>
#include <farm/stage_run.hpp>

#include "tests/io/files.hpp"
#include "tests/io/other_process.hpp"
#include "tests/io/values.hpp"
#include "tests/support/catch.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <atomic>
#include <cstdlib>
#include <thread>

using farm::Array;
using farm::StageRun;
namespace fs = std::filesystem;

namespace {

/// The run of this process.
struct Run {
  fs::path stage = fresh_directory("stage");
  StageRun run{{.stage_directory = stage}};
  Run() { farm::set_stage_run(&run); }

  [[nodiscard]] Array<int> make(std::string const& name) const {
    return farm::stage(values_of<int>(100), {100}, {.name = name, .threshold = 0});
  }
};

std::string this_host() {
  char name[256] = {};
  gethostname(name, sizeof name - 1);
  return name;
}

void make_run_directory(fs::path const& path) {
  fs::create_directory(path);
  std::ofstream{path / "lock"} << "";
  std::ofstream{path / "left.h5"} << "array";
}

}  // namespace

TEST_CASE("a run has its own directory and removes it") {
  auto const stage = fresh_directory("stage");
  fs::path directory;
  {
    StageRun const run{{.stage_directory = stage}};
    directory = run.directory();
    CHECK(directory.parent_path() == stage);
    CHECK_THAT(directory.filename().string(), contains("farm-" + this_host() + "-" + std::to_string(getpid()) + "-"));
    struct stat status {};
    REQUIRE(stat(directory.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0700U);
    std::ofstream{directory / ".half.part"} << "half";
  }
  CHECK(fs::is_empty(stage));
}

TEST_CASE("a staged file is removed with its last handle") {
  Run const run;
  auto array = run.make("a");
  auto const file = array.path();
  CHECK(file == run.run.directory() / "a.h5");
  auto copy = array;
  auto received = farm::unpack<Array<int>>(farm::pack(array));
  array = {};
  copy = {};
  CHECK(fs::exists(file));
  CHECK(received.read() == values_of<int>(100));
  received = {};
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("views and slabs keep the file, as handles do") {
  Run const run;
  auto rows = run.make("a").rows(50, 1);
  CHECK(rows.with_halo(2).rows() == 5);
  CHECK(files_in(run.run.directory()) == 2);
  rows = {};
  CHECK(files_in(run.run.directory()) == 1);
}

TEST_CASE("packed bytes keep the files of the arrays in them") {
  Run const run;
  auto array = run.make("a");
  std::vector<std::shared_ptr<void>> keepers;
  farm::Bytes bytes;
  {
    farm::PackArchive archive{bytes, &keepers};
    archive(array, Array<int>{std::vector{1}});
  }
  static_cast<void>(farm::pack(array));
  CHECK(keepers.size() == 1);
  auto const file = array.path();
  array = {};
  CHECK(fs::exists(file));
  keepers.clear();
  CHECK_FALSE(fs::exists(file));
}

TEST_CASE("a path that is adopted twice has one keeper") {
  Run run;
  auto const file = run.run.directory() / "x.h5";
  std::ofstream{file} << "x";
  auto first = run.run.adopt(file);
  auto second = run.run.adopt(file);
  CHECK(first == second);
  first = nullptr;
  CHECK(fs::exists(file));
  second = nullptr;
  CHECK_FALSE(fs::exists(file));
  CHECK(run.run.adopt(file) != nullptr);
}

TEST_CASE("many threads may adopt and release a file; the last one removes it") {
  Run run;
  for (int round = 0; round < 50; ++round) {
    auto const file = run.run.directory() / ("x" + std::to_string(round));
    std::ofstream{file} << "x";
    auto const held = run.run.adopt(file);
    std::vector<std::thread> threads;
    std::atomic<int> gone{0};
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 50; ++n) {
          auto const mine = run.run.adopt(file);
          if (!fs::exists(file)) ++gone;
        }
      });
    }
    for (auto& thread : threads) thread.join();
    CHECK(gone == 0);
  }
  CHECK(files_in(run.run.directory()) == 1);
}

TEST_CASE("files outside the run, and files of other programs, are not removed") {
  auto const elsewhere = fresh_directory("elsewhere");
  Run const run;
  auto array = farm::stage(values_of<int>(100), {100}, {.directory = elsewhere, .threshold = 0});
  auto external = Array<int>::open(array.path(), "/data");
  array = {};
  external = {};
  CHECK(files_in(elsewhere) == 1);

  auto here = run.make("a");
  auto opened = Array<int>::open(here.path(), "/data");
  opened = {};
  CHECK(fs::exists(here.path()));

  farm::set_stage_run(nullptr);
  farm::set_stage_directory(elsewhere);
  CHECK(run.make("b").path() == elsewhere / "b.h5");
  CHECK(files_in(elsewhere) == 2);
  farm::set_stage_directory({});
}

TEST_CASE("handles may outlive the run, but its files are removed") {
  Array<int> array;
  farm::View<int> view;
  {
    Run const run;
    array = run.make("a");
    view = run.make("b").view();
  }
  CHECK(farm::current_stage_run() == nullptr);
  CHECK_THAT(error_of([&] { static_cast<void>(array.read()); }),
             contains("a.h5, dataset '/data': cannot be opened: No such"));
  CHECK(view[99] == value_at<int>(99));
}

TEST_CASE("a run that keeps its files is not removed by later runs either") {
  auto const stage = fresh_directory("stage");
  fs::path kept;
  setenv("FARM_KEEP_STAGE", "1", 1);
  {
    StageRun run{{.stage_directory = stage}};
    farm::set_stage_run(&run);
    kept = farm::stage(values_of<int>(100), {100}, {.threshold = 0}).path();
  }
  unsetenv("FARM_KEEP_STAGE");
  CHECK(fs::exists(kept));
  StageRun const later{{.stage_directory = stage}};
  CHECK(fs::exists(kept));
}

TEST_CASE("the next run removes the directory of a crashed run, but not that of a running one") {
  auto const stage = fresh_directory("stage");
  fs::path crashed;
  OtherProcess master{[&] {
    auto* const run = new StageRun{{.stage_directory = stage}};
    std::ofstream{run->directory() / "array.h5"} << "array";
    fs::create_directory(run->directory() / "more");
    return true;
  }};
  REQUIRE(master.did());
  for (auto const& entry : fs::directory_iterator{stage}) crashed = entry.path();
  {
    StageRun const other{{.stage_directory = stage}};
    CHECK(fs::exists(crashed / "array.h5"));
  }
  master.kill();
  CHECK(fs::exists(crashed / "array.h5"));
  StageRun const next{{.stage_directory = stage}};
  CHECK_FALSE(fs::exists(crashed));
}

TEST_CASE("the next run removes files that a crashed run has recorded, unless they have been replaced") {
  auto const stage = fresh_directory("stage");
  auto const outside = fresh_directory("outside");
  auto const make = [&](std::string const& name) { std::ofstream{outside / name} << name; };
  for (auto const* const name : {"shared memory", "made anew", "not named"}) make(name);
  {
    StageRun const tidy{{.stage_directory = stage}};
    tidy.removes_if_killed({outside / "shared memory"});
  }
  CHECK(fs::exists(outside / "shared memory"));
  OtherProcess master{[&] {
    auto* const run = new StageRun{{.stage_directory = stage}};
    run->removes_if_killed({outside / "shared memory", outside / "made anew", outside / "not there"});
    return true;
  }};
  REQUIRE(master.did());
  { StageRun const other{{.stage_directory = stage}}; }
  CHECK(fs::exists(outside / "shared memory"));
  master.kill();
  fs::remove(outside / "made anew");
  make("made anew");
  StageRun const next{{.stage_directory = stage}};
  CHECK_FALSE(fs::exists(outside / "shared memory"));
  CHECK(fs::exists(outside / "made anew"));
  CHECK(fs::exists(outside / "not named"));
}

TEST_CASE("nothing else in the stage directory is removed") {
  auto const stage = fresh_directory("stage");
  auto const outside = fresh_directory("outside");
  std::ofstream{outside / "precious"} << "data";
  auto const own = "farm-" + this_host() + "-";
  std::string const id = "0123456789abcdef";
  std::vector<std::string> const foreign{"farm-otherhost-123-" + id, own + "12x-" + id,      own + "123-" + id + "0",
                                         own + "123-" + id + ".bak", "x" + own + "12-" + id, own + "123"};
  for (auto const& name : foreign) make_run_directory(stage / name);
  std::ofstream{stage / (own + "5-" + id)} << "a file";
  fs::create_directory_symlink(outside, stage / (own + "6-" + id));
  make_run_directory(stage / (own + "7-" + id));
  fs::create_directory_symlink(outside, stage / (own + "7-" + id) / "link");
  fs::create_directory(stage / (own + "8-" + id));  // as an interrupted removal leaves it
  {
    StageRun const run{{.stage_directory = stage}};
    for (auto const& name : foreign) CHECK(fs::exists(stage / name / "left.h5"));
    CHECK(fs::exists(stage / (own + "5-" + id)));
    CHECK(fs::exists(stage / (own + "6-" + id)));
    CHECK_FALSE(fs::exists(stage / (own + "7-" + id)));
    CHECK_FALSE(fs::exists(stage / (own + "8-" + id)));
  }
  CHECK(fs::exists(outside / "precious"));
}

TEST_CASE("the directory of another user's run is not removed") {
  if (geteuid() != 0) {
    WARN("skipped: this user is not root, and only root can change the owner of a directory");
    return;
  }
  auto const stage = fresh_directory("stage");
  auto const theirs = stage / ("farm-" + this_host() + "-9-0123456789abcdef");
  make_run_directory(theirs);
  REQUIRE(chown(theirs.c_str(), 65534, 65534) == 0);
  StageRun const run{{.stage_directory = stage}};
  CHECK(fs::exists(theirs / "left.h5"));
}

TEST_CASE("a missing stage directory is reported") {
  CHECK_THAT(error_of([] { StageRun const run{{.stage_directory = "nowhere"}}; }),
             contains("cannot be created: No such file"));
}
