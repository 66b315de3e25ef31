#include "spawn/service/dispatch/given_arrays.hpp"
#include "tests/support/catch.hpp"

#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using farm::detail::given_arrays;
using farm::detail::remove_arrays_without_job;
using namespace std::chrono_literals;

TEST_CASE("a key names a file in the directory, or none") {
  CHECK(given_arrays("/a", "0123abc-_Z") == fs::path{"/a/0123abc-_Z.h5"});
  for (auto const* const key : {"", "..", "../token", "a/b", "a.b", "a\n", "\xc3\xa9"})
    CHECK(given_arrays("/a", key).empty());
}

TEST_CASE("arrays whose submission has not come are removed once they are old") {
  auto const directory = fs::absolute("given");
  fs::create_directories(directory / "7");
  for (auto const* const name : {"job.h5", "lost.h5", "cut.h5.part", "new.h5", "note.txt", "7/0.h5"})
    std::ofstream{directory / name} << "x";
  for (auto const* const name : {"job.h5", "lost.h5", "cut.h5.part", "note.txt", "7/0.h5"})
    fs::last_write_time(directory / name, fs::file_time_type::clock::now() - 2h);

  remove_arrays_without_job(directory, {"job"}, 1h);

  for (auto const* const name : {"job.h5", "new.h5", "note.txt", "7/0.h5"}) CHECK(fs::exists(directory / name));
  for (auto const* const name : {"lost.h5", "cut.h5.part"}) CHECK_FALSE(fs::exists(directory / name));
  CHECK_NOTHROW(remove_arrays_without_job(directory / "nowhere", {}, 0s));
}
