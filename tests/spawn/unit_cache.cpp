// A cache of results on disk: what is kept is found again, and what is damaged is not.
#include "spawn/cache/cache_listing.hpp"
#include "spawn/cache/result_cache.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/spawn/captured.hpp"
#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

using namespace farm::detail;

namespace {

namespace fs = std::filesystem;

CacheKey key_of(std::string const& name) { return KeyHash{}.add(name).take(); }

ResultEntry entry_of(std::vector<farm::Bytes> values, std::string const& function = "calc") {
  return {.header = {.function = function, .version = "1", .ranks = 2, .made = 1000, .seconds = 0.5},
          .values = std::move(values)};
}

/// Returns the values that are found, without what the log says.
std::vector<farm::Bytes> found_in(ResultCache& cache, CacheKey const& key) {
  Captured const log{2};
  auto found = cache.find(key, "calc");
  return found ? std::move(found->values) : std::vector<farm::Bytes>{};
}

std::string content_of(fs::path const& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

void write_to(fs::path const& path, std::string const& bytes) {
  std::ofstream{path, std::ios::binary | std::ios::trunc} << bytes;
}

/// Returns the names of all files of a cache but its tag.
std::set<std::string> files_of(fs::path const& cache) {
  std::set<std::string> names;
  for (auto const& entry : fs::recursive_directory_iterator{cache}) {
    if (entry.is_regular_file() && entry.path().filename() != "CACHEDIR.TAG")
      names.insert(entry.path().filename().string());
  }
  return names;
}

}  // namespace

TEST_CASE("fields of a key do not run into each other") {
  std::set<std::string> const keys{key_of("ab").text(),
                                   KeyHash{}.add("a").add("b").take().text(),
                                   KeyHash{}.add("").add("ab").take().text(),
                                   KeyHash{}.add("ab").add("").take().text(),
                                   KeyHash{}.take().text(),
                                   KeyHash{}.add(std::uint64_t{2}).take().text()};
  CHECK(keys.size() == 6);
  CHECK(key_of("ab") == key_of("ab"));
  CHECK(key_of("ab").text().size() == 64);
}

TEST_CASE("a result that was kept is found again, by another object, too") {
  Scratch const scratch{"cache"};
  auto const directory = (scratch.path / "new" / "cache").string();
  std::vector<farm::Bytes> const values{"one", "", std::string(100'000, 'x')};
  {
    ResultCache cache{directory};
    CHECK(found_in(cache, key_of("a")).empty());
    CHECK(cache.add(key_of("a"), entry_of(values), {}).size() == 1);
    CHECK(found_in(cache, key_of("a")) == values);
    CHECK(found_in(cache, key_of("b")).empty());
  }
  ResultCache again{directory};
  CHECK(found_in(again, key_of("a")) == values);
  CHECK(files_of(directory) == std::set{key_of("a").text()});
  struct stat status {};
  REQUIRE(stat(directory.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0700);
}

TEST_CASE("the first result that is kept for a key stays") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  CHECK(cache.add(key_of("a"), entry_of({"first"}), {}).size() == 1);
  CHECK(cache.add(key_of("a"), entry_of({"second"}), {}).empty());
  CHECK(found_in(cache, key_of("a")) == std::vector<farm::Bytes>{"first"});
  CHECK(files_of(scratch.path / "c").size() == 1);
}

TEST_CASE("an entry with a flipped bit, wherever it is, is not found, is removed, and can be kept again") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  auto const key = key_of("a");
  cache.add(key, entry_of({"value", "other"}), {});
  auto const path = cache.directory().entry(key);
  auto const good = content_of(path);
  for (std::size_t i = 0; i < good.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      auto bytes = good;
      bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
      write_to(path, bytes);
      CAPTURE(i, bit);
      REQUIRE(found_in(cache, key).empty());
      REQUIRE_FALSE(fs::exists(path));
    }
  }
  CHECK(cache.add(key, entry_of({"value"}), {}).size() == 1);
  CHECK(found_in(cache, key) == std::vector<farm::Bytes>{"value"});
}

TEST_CASE("an entry that was torn at any byte, or has further bytes, or only zeros, is not found") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  auto const key = key_of("a");
  cache.add(key, entry_of({"value"}), {});
  auto const path = cache.directory().entry(key);
  auto const good = content_of(path);
  for (std::size_t size = 0; size < good.size(); ++size) {
    CAPTURE(size);
    write_to(path, good.substr(0, size));
    REQUIRE(found_in(cache, key).empty());
    write_to(path, good.substr(0, size) + std::string(good.size() - size, '\0'));
    REQUIRE(found_in(cache, key).empty());
  }
  write_to(path, good + "x");
  CHECK(found_in(cache, key).empty());
  write_to(path, good);
  CHECK(found_in(cache, key) == std::vector<farm::Bytes>{"value"});
}

TEST_CASE("one line tells which result is damaged, where, and how") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  cache.add(key_of("a"), entry_of({"value"}), {});
  auto const path = cache.directory().entry(key_of("a"));
  auto bytes = content_of(path);
  bytes.back() = 'x';
  write_to(path, bytes);
  Captured const log{2};
  CHECK_FALSE(cache.find(key_of("a"), "calc"));
  CHECK_FALSE(cache.find(key_of("a"), "calc"));
  CHECK(log.text() == fmt::format("farm: a cached result of calc cannot be used, and is computed again: {}: the "
                                  "checksum of its values is wrong\n",
                                  path.string()));
}

TEST_CASE("an entry of another format, or of another key, is not taken for the result") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  cache.add(key_of("a"), entry_of({"value"}), {});
  auto const path = cache.directory().entry(key_of("a"));
  auto const other = cache.directory().entry(key_of("b"));
  fs::create_directories(other.parent_path());
  fs::copy_file(path, other);
  CHECK(found_in(cache, key_of("b")).empty());
  auto bytes = content_of(path);
  bytes[8] = 2;
  CHECK_THAT(error_of([&] { static_cast<void>(decode_entry(bytes)); }), contains("its format is 2, and 1 is expected"));
}

TEST_CASE("many processes and threads that keep one result leave one entry, which is complete") {
  Scratch const scratch{"cache"};
  auto const directory = scratch.path / "c";
  constexpr int keys = 20;
  std::vector<pid_t> children;
  for (int child = 0; child < 4; ++child) {
    auto const pid = fork();
    if (pid == 0) {
      ResultCache cache{directory};
      std::vector<std::jthread> threads;
      for (int thread = 0; thread < 3; ++thread) {
        threads.emplace_back([&, thread] {
          for (int i = 0; i < keys; ++i) {
            cache.add(key_of(std::to_string(i)),
                      entry_of({std::string(20'000, static_cast<char>('a' + child + thread))}), {});
          }
        });
      }
      threads.clear();
      _exit(0);
    }
    children.push_back(pid);
  }
  for (auto const child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    CHECK(status == 0);
  }
  ResultCache cache{directory};
  for (int i = 0; i < keys; ++i) {
    auto const values = found_in(cache, key_of(std::to_string(i)));
    REQUIRE(values.size() == 1);
    CHECK(values[0] == std::string(20'000, values[0][0]));
  }
  CHECK(files_of(directory).size() == keys);
}

TEST_CASE("a directory that cannot be a cache is refused, with the reason") {
  Scratch const scratch{"cache"};
  auto const refusal = [](fs::path const& path) { return error_of<farm::UsageError>([&] { ResultCache{path}; }); };
  write_to(scratch.path / "file", "");
  CHECK_THAT(refusal(scratch.path / "file"), contains("it is not a directory"));
  CHECK_THAT(refusal(scratch.path / "file" / "cache"), contains("cannot be made"));
  CHECK_THAT(refusal(scratch.path), contains("it is not empty, and no cache of the farm"));
  ResultCache{scratch.path / "c"};
  auto tag = content_of(scratch.path / "c" / "CACHEDIR.TAG");
  REQUIRE_THAT(tag, contains("Signature: 8a477f597d28d172789f06886806bc55"));
  tag.replace(tag.find("version 1"), 9, "version 7");
  write_to(scratch.path / "c" / "CACHEDIR.TAG", tag);
  CHECK_THAT(refusal(scratch.path / "c"), contains("made by a newer version of the farm"));
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(CacheDirectory::open("nowhere")); }),
             contains("there is no such directory"));
  CHECK_THAT(error_of<farm::UsageError>([&] { static_cast<void>(CacheDirectory::open(scratch.path)); }),
             contains("it is no cache of the farm"));
}

TEST_CASE("results that cannot be written cost one line, however many they are") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  fs::remove_all(scratch.path / "c");
  Captured const log{2};
  for (int i = 0; i < 5; ++i) CHECK(cache.add(key_of(std::to_string(i)), entry_of({"value"}), {}).empty());
  CHECK_THAT(log.text(),
             contains("farm: the result of calc is not kept in the cache: ") && contains("No such file or directory"));
  CHECK(log.text().find('\n') == log.text().size() - 1);
}

TEST_CASE("a listing tells what is there, and which entries are damaged") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  cache.add(key_of("a"), entry_of({"value"}), {});
  cache.add(key_of("b"), entry_of({std::string(10'000, 'x')}, std::string(5000, 'f')), {});
  cache.add(key_of("d"), entry_of({"value"}), {});
  auto const damaged = cache.directory().entry(key_of("d"));
  write_to(damaged, content_of(damaged).substr(0, 30));
  write_to(damaged.parent_path() / "notes.txt", "of a user");
  std::vector<ListedResult> listed;
  for_each_result(cache.directory(), [&](ListedResult const& result) { listed.push_back(result); });
  REQUIRE(listed.size() == 3);
  for (auto const& result : listed) {
    CHECK(result.damage == (result.file.key == key_of("d").text() ? "its end is missing" : ""));
    if (result.file.key == key_of("a").text()) CHECK(result.header.seconds == 0.5);
    if (result.file.key == key_of("b").text()) CHECK(result.header.function == std::string(5000, 'f'));
    if (result.file.key == key_of("b").text()) CHECK(result.bytes > 15'000);
  }
}

TEST_CASE("clearing removes what is meant, and nothing that is not the cache's") {
  Scratch const scratch{"cache"};
  ResultCache cache{scratch.path / "c"};
  auto entry = entry_of({"value"});
  entry.header.made = time(nullptr);
  cache.add(key_of("new"), entry, {});
  cache.add(key_of("old"), entry_of({"value"}), {});
  cache.add(key_of("other"), entry_of({"value"}, "heat"), {});
  auto const foreign = cache.directory().entry(key_of("new")).parent_path() / "notes.txt";
  auto const fresh = cache.directory().new_file(key_of("new"), ".part");
  write_to(foreign, "of a user");
  write_to(fresh, "being written");
  CHECK(remove_results(cache.directory(), {.function = "none"}).results == 0);
  CHECK(remove_results(cache.directory(), {.function = "heat"}).results == 1);
  CHECK(remove_results(cache.directory(), {.older_than = std::chrono::hours{1}}).results == 1);
  CHECK(found_in(cache, key_of("new")).size() == 1);
  auto const removed = remove_results(cache.directory(), {});
  CHECK(removed.results == 1);
  CHECK(removed.bytes > 5);
  CHECK(fs::exists(foreign));
  CHECK(fs::exists(fresh));
}
