#include "tests/service/failing_disk.hpp"
#include "tests/service/store_support.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <numeric>

using namespace farm::detail;
using namespace store_test;

namespace {

/// A file system of its own in a directory; needs root.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path path) : path_{std::move(path)} {
    is_there_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=3m") == 0;
  }
  ~SmallDisk() {
    if (is_there_) umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(SmallDisk const&) = delete;
  SmallDisk& operator=(SmallDisk const&) = delete;
  [[nodiscard]] bool is_there() const { return is_there_; }
  void make_read_only() { REQUIRE(mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, nullptr) == 0); }
  /// Fills all that is left.
  void fill() {
    std::ofstream stream{path_ / "ballast", std::ios::binary};
    std::string const block(4096, 'x');
    while (stream.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
    }
  }
  void clear() { std::filesystem::remove(path_ / "ballast"); }

 private:
  std::filesystem::path path_;
  bool is_there_ = false;
};

/// Files of this process cannot become larger.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit const limit{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, SIG_DFL);
  }
  FileSizeLimit(FileSizeLimit const&) = delete;
  FileSizeLimit& operator=(FileSizeLimit const&) = delete;

 private:
  rlimit before_{};
};

/// Adds ends one by one, of which `done` notes the order.
void add_singly(Store& store, std::uint64_t first, std::uint64_t count, std::vector<std::uint64_t>& done) {
  for (auto task = first; task < first + count; ++task)
    store.add_ends({end_of(1, task)}, [&done, task] { done.push_back(task); });
}

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t count) {
  std::vector<std::uint64_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

/// What holds of a disk that cannot be written, from `make_full` to `make_room`. Job 1 has 1000 tasks.
template <class MakeFull, class MakeRoom>
void check_full_disk(std::filesystem::path const& directory, std::string const& reason, MakeFull&& make_full,
                     MakeRoom&& make_room) {
  std::vector<std::uint64_t> done;
  std::string changed = "not called";
  {
    Store store{directory};
    add_job(store, tasks_of(1000));
    add_singly(store, 0, 10, done);
    REQUIRE(store.flush(60));
    make_full();
    CHECK_THAT(try_to_add(store, tasks_of(200000)), contains(reason));
    add_singly(store, 10, 500, done);
    store.change({.job = 1, .priority = 4}, [&](std::string const& error) { changed = error; });
    REQUIRE(becomes_true([&] { return !store.health().problem.empty(); }));
    CHECK_THAT(store.health().problem, contains(reason));
    CHECK(store.health().unwritten > 0);
    CHECK_THAT(try_to_add(store, tasks_of(1)), contains(reason));
    CHECK_FALSE(store.flush(0.01));
    CHECK(done.size() < 510);
    CHECK(store.tasks(1, 999, 1).front().input == "999");  // reading goes on
    make_room();
    REQUIRE(store.flush(60));
    CHECK(done == numbers(0, 510));
    CHECK(changed.empty());
    CHECK(store.health().problem.empty());
    CHECK(store.health().unwritten == 0);
    add_job(store, tasks_of(1));
  }
  Store store{directory};
  CHECK(store.damage().empty());
  CHECK(store.ends(1, 0, 1000).size() == 510);
  CHECK(store.load().front().job.priority == 4);
}

class AsUser {
 public:
  explicit AsUser(uid_t user) { REQUIRE(seteuid(user) == 0); }
  ~AsUser() { static_cast<void>(seteuid(0) == 0); }
  AsUser(AsUser const&) = delete;
  AsUser& operator=(AsUser const&) = delete;
};

}  // namespace

TEST_CASE("On a full disk new jobs are refused, and ends wait until there is room") {
  Scratch const scratch;
  SmallDisk disk{scratch.path()};
  if (!disk.is_there()) {
    std::cout << "skipped: the store on a full disk: a file system can be mounted by root only\n";
    return;
  }
  check_full_disk(
      scratch.path(), "the disk is full", [&] { disk.fill(); }, [&] { disk.clear(); });
}

TEST_CASE("At a limit for files new jobs are refused, and ends wait until it is raised") {
  Scratch const scratch;
  std::optional<FileSizeLimit> limit;
  check_full_disk(
      scratch.path(), "File too large", [&] { limit.emplace(100); }, [&] { limit.reset(); });
}

TEST_CASE("What could not be synced is not acknowledged") {
  Scratch const scratch;
  FailingDisk disk;
  check_full_disk(
      scratch.path(), "cannot ", [&] { disk.fail_syncs(true); }, [&] { disk.fail_syncs(false); });
}

TEST_CASE("A store that ends while the disk is full ends, and keeps what was acknowledged") {
  Scratch const scratch;
  FailingDisk disk;
  std::vector<std::uint64_t> done;
  {
    Store store{scratch.path()};
    add_job(store, tasks_of(1000));
    add_singly(store, 0, 10, done);
    REQUIRE(store.flush(60));
    disk.fail_writes(true);
    add_singly(store, 10, 10, done);
    CHECK_FALSE(store.flush(0.01));
  }
  disk.fail_writes(false);
  CHECK(done == numbers(0, 10));
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  CHECK(store.ends(1, 0, 1000).size() == 10);
}

TEST_CASE("A file system without locks is refused in one line") {
  Scratch const scratch;
  FailingDisk disk;
  disk.fail_locks(true);
  CHECK_THAT(refusal(scratch.path()), contains("does not lock files as SQLite needs it"));
  CHECK_THAT(refusal(scratch.path()), contains("choose another directory"));
  disk.fail_locks(false);
  CHECK(refusal(scratch.path()).empty());
  disk.fail_locks(true);
  CHECK_THAT(refusal(scratch.path()), contains("does not lock files as SQLite needs it"));
}

TEST_CASE("A full disk is refused in one line, without a trace") {
  Scratch const scratch;
  SmallDisk disk{scratch.path()};
  if (!disk.is_there()) return;  // the test above has said so
  disk.fill();
  CHECK_THAT(refusal(scratch.path()), contains("the disk is full"));
  disk.clear();
  CHECK(refusal(scratch.path()).empty());
}

TEST_CASE("A read-only file system is refused in one line, whether it has a queue or not") {
  for (auto const has_queue : {false, true}) {
    Scratch const scratch;
    SmallDisk disk{scratch.path()};
    if (!disk.is_there()) return;
    if (has_queue) {
      Store const store{scratch.path()};
    }
    disk.make_read_only();
    CHECK(refusal(scratch.path()) == fmt::format("cannot keep a queue in {}: Read-only file system; choose another "
                                                 "directory with --dir",
                                                 scratch.path().string()));
  }
}

TEST_CASE("A directory that is not there, or of another user, is refused in one line") {
  Scratch const scratch;
  CHECK_THAT(refusal(scratch.path() / "none"), contains("there is no such directory; choose another"));
  write_file(scratch.path() / "file", "");
  CHECK_THAT(refusal(scratch.path() / "file"), contains("there is no such directory"));
  std::filesystem::permissions(scratch.path(), std::filesystem::perms::owner_read);
  if (geteuid() == 0) {
    std::filesystem::permissions(scratch.path(), std::filesystem::perms::owner_all);
    AsUser const nobody{65534};
    CHECK_THAT(refusal(scratch.path()), contains("Permission denied, since it belongs to root; choose another"));
  } else {
    CHECK_THAT(refusal(scratch.path()), contains("Permission denied; choose another"));
    std::filesystem::permissions(scratch.path(), std::filesystem::perms::owner_all);
  }
}
