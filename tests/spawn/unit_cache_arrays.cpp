// Arrays of cached results: their files, and how they are found by their elements.
#include "spawn/cache/array_digest.hpp"
#include "spawn/cache/cache_listing.hpp"
#include "spawn/cache/result_cache.hpp"

#include <farm/array.hpp>
#include <farm/detail/array_access.hpp>
#include <farm/publish.hpp>
#include <farm/stage_run.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/spawn/captured.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"

using namespace farm::detail;

namespace {

namespace fs = std::filesystem;

/// A cache, and a stage in which arrays have files from 1 KiB on.
struct Place {
  Scratch scratch{"arrays"};
  farm::StageRun run{{.stage_directory = make(scratch.path / "stage")}};
  ResultCache cache{scratch.path / "cache"};

  Place() { farm::set_stage_run(&run); }

  static fs::path make(fs::path const& path) {
    fs::create_directory(path);
    return path;
  }
  [[nodiscard]] static farm::Array<int> array(int first, std::size_t size = 100'000) {
    std::vector<int> values(size);
    std::iota(values.begin(), values.end(), first);
    return farm::stage(values, {size}, {.threshold = 1024});
  }
  [[nodiscard]] std::vector<fs::path> array_files() const {
    std::vector<fs::path> files;
    cache.directory().for_each([&](CacheDirectory::File const& file) {
      if (file.kind == CacheDirectory::Kind::array) files.push_back(file.path);
    });
    return files;
  }
};

CacheKey key_of(std::string const& name) { return KeyHash{}.add(name).take(); }

/// A value as a task would return it: text around two arrays.
struct Value {
  std::string text;
  farm::Array<int> first;
  std::vector<farm::Array<int>> others;
};

void keep(ResultCache& cache, std::string const& name, Value const& value) {
  auto packed = farm::pack(value);
  HandleNotes notes;
  farm::UnpackArchive in{packed, &notes};
  Value read;
  in(read);
  CHECK(notes.ranges.size() == 1 + value.others.size());
  cache.add(key_of(name), {.header = {.function = "calc"}, .values = {packed}}, {notes.ranges});
}

std::optional<Value> find(ResultCache& cache, std::string const& name) {
  auto const found = cache.find(key_of(name), "calc");
  if (!found) return std::nullopt;
  return farm::unpack<Value>(found->values.at(0));
}

void change_byte_in_the_middle(fs::path const& path) {
  std::fstream file{path, std::ios::in | std::ios::out | std::ios::binary};
  auto const middle = static_cast<std::streamoff>(fs::file_size(path) / 2);
  file.seekg(middle);
  auto const byte = static_cast<char>(file.get() ^ 1);
  file.seekp(middle);
  file.put(byte);
}

}  // namespace

TEST_CASE("the arrays of a value outlive the files of the run that made them") {
  Place place;
  std::vector<std::string> stage_files;
  {
    Value const value{"text", Place::array(1), {Place::array(5), Place::array(7, 8), {}}};
    stage_files = {value.first.path(), value.others[0].path()};
    keep(place.cache, "a", value);
  }
  CHECK(place.array_files().size() == 2);  // the others have no files
  for (auto const& file : stage_files) CHECK_FALSE(fs::exists(file));
  for (int again = 0; again < 2; ++again) {
    auto const value = find(place.cache, "a");
    REQUIRE(value);
    CHECK(value->text == "text");
    CHECK(value->first.read() == Place::array(1).read());
    CHECK(value->others.at(0).read() == Place::array(5).read());
    CHECK(value->others.at(1).read() == Place::array(7, 8).read());
    CHECK_FALSE(value->others.at(2).valid());
    CHECK(value->first.path().parent_path() == place.run.directory());
  }
  CHECK(remove_results(place.cache.directory(), {}).bytes > 800'000);
  CHECK(place.array_files().empty());
}

TEST_CASE("a file that the cache has, too, never becomes another array's") {
  Place place;
  constexpr std::size_t large = 1 << 20;  // elements: spare files have 1 MiB at least
  keep(place.cache, "a", {"", Place::array(1, large), {}});
  for (int i = 0; i < 5; ++i) static_cast<void>(Place::array(100 + i, large));
  static_cast<void>(find(place.cache, "a"));  // and goes at once
  for (int i = 0; i < 5; ++i) static_cast<void>(Place::array(200 + i, large));
  auto const value = find(place.cache, "a");
  REQUIRE(value);
  CHECK(value->first.read() == Place::array(1, large).read());
}

TEST_CASE("a result whose array is missing or changed is removed with all of its files") {
  Place place;
  keep(place.cache, "a", {"", Place::array(1), {Place::array(2)}});
  REQUIRE(place.array_files().size() == 2);
  bool const goes = GENERATE(false, true);
  if (goes) {
    fs::remove(place.array_files().front());
  } else {
    change_byte_in_the_middle(place.array_files().back());
  }
  Captured const log{2};
  CHECK_FALSE(find(place.cache, "a"));
  CHECK_THAT(log.text(), contains("a cached result of calc cannot be used") &&
                             contains(goes ? "of its array is missing" : "of its array is wrong"));
  CHECK(place.array_files().empty());
  CHECK_FALSE(fs::exists(place.cache.directory().entry(key_of("a"))));
  for (auto const& entry : fs::directory_iterator{place.run.directory()})
    CHECK_THAT(entry.path().filename().string(), !contains("cached-"));
}

TEST_CASE("a result that refers to a user's file is found as long as the file is as it was") {
  Place place;
  auto const file = place.scratch.path / "user.h5";
  Place::array(1).save_as(file, "/u");
  keep(place.cache, "a", {"", farm::Array<int>::open(file, "/u"), {}});
  CHECK(place.array_files().empty());
  CHECK(find(place.cache, "a").value().first.path() == file);
  fs::remove(file);
  Place::array(2).save_as(file, "/u");
  Captured const log{2};
  CHECK_FALSE(find(place.cache, "a"));
  CHECK_THAT(log.text(), contains("to which it refers, has changed"));
}

TEST_CASE("arrays of the same elements have the same digest, wherever they lie") {
  Place place;
  auto const digest = [](farm::Array<int> const& array) {
    auto const wide = digest_of(ArrayAccess::info(array));
    return std::pair{wide.low, wide.high};
  };
  auto const staged = Place::array(1);
  auto const file = place.scratch.path / "user.h5";
  staged.save_as(file, "/u");
  auto const values = staged.read();
  CHECK(digest(staged) == digest(Place::array(1)));
  CHECK(digest(staged) == digest(farm::Array<int>::open(file, "/u")));
  CHECK(digest(staged) == digest(farm::stage(values, {values.size()}, {.threshold = 1U << 30U})));
  CHECK(digest(staged) != digest(Place::array(2)));
  CHECK(digest(Place::array(1, 0)) == digest(farm::Array<int>{std::vector<int>{}}));
  fs::remove(file);
  Place::array(3).save_as(file, "/u");
  CHECK(digest(farm::Array<int>::open(file, "/u")) == digest(Place::array(3)));
}
