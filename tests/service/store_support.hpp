#pragma once

#include "spawn/service/store/store.hpp"

#include <filesystem>
#include <string>
#include <vector>

/// What the tests of the store share.
namespace store_test {

/// A directory that is removed with all that it holds.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  [[nodiscard]] std::filesystem::path const& path() const { return path_; }
  [[nodiscard]] std::filesystem::path database() const { return path_ / "queue.db"; }
  [[nodiscard]] std::filesystem::path log() const { return path_ / "queue.db-wal"; }

 private:
  std::filesystem::path path_;
};

[[nodiscard]] farm::detail::StoredJob job_of(farm::detail::Store& store);
/// Returns tasks with the inputs 0, 1, ...
[[nodiscard]] std::vector<farm::detail::TaskSpec> tasks_of(std::size_t count);
[[nodiscard]] farm::detail::TaskEnd end_of(std::uint64_t job, std::uint64_t task,
                                           farm::detail::TaskState state = farm::detail::TaskState::finished,
                                           std::string value = "");
/// Adds a job, waits until it is on disk or refused, and returns its number. Fails the test if it is refused.
std::uint64_t add_job(farm::detail::Store& store, std::vector<farm::detail::TaskSpec> tasks);
std::uint64_t add_job(farm::detail::Store& store, farm::detail::StoredJob job,
                      std::vector<farm::detail::TaskSpec> tasks);
/// Returns why the job was refused; empty: it was not.
std::string try_to_add(farm::detail::Store& store, std::vector<farm::detail::TaskSpec> tasks);
/// Adds ends, and waits until they are on disk.
void add_ends(farm::detail::Store& store, std::vector<farm::detail::TaskEnd> ends);
/// Changes a job, waits, and returns the error.
std::string change(farm::detail::Store& store, farm::detail::JobChange change);

/// Returns why the directory cannot be opened; empty if it can.
std::string refusal(std::filesystem::path const& directory);
[[nodiscard]] std::string read_file(std::filesystem::path const& file);
void write_file(std::filesystem::path const& file, std::string const& content);
/// Returns true if the condition becomes true in time.
template <class Condition>
bool becomes_true(Condition&& condition);

}  // namespace store_test

#include <chrono>
#include <thread>

template <class Condition>
bool store_test::becomes_true(Condition&& condition) {
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::seconds{60};
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{2});
  }
  return true;
}
