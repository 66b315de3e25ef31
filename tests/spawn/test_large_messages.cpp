// Arguments and results that are too large for one frame.
#include <farm/farm.hpp>

#include "tests/spawn/scratch.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

constexpr std::size_t large = (std::size_t{1} << 30U) + 1234;

/// A type that travels by value only.
struct Document {
  std::string text;
  int version = 0;
};

Document edit(Document document) {
  document.text.front() = 'b';
  document.text.back() = 'e';
  ++document.version;
  return document;
}

std::pair<std::size_t, int> size_of(Document const& document) { return {document.text.size(), document.version}; }

void wait_for(std::filesystem::path const& file) {
  while (!exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

std::vector<std::filesystem::path> stage_files() {
  std::vector<std::filesystem::path> files;
  for (auto const& file : std::filesystem::directory_iterator{farm::current_stage_run()->directory()})
    if (file.path().extension() == ".h5") files.push_back(file);
  return files;
}

}  // namespace

TEST_CASE("arguments and results above 1 GiB travel by value, and leave no file") {
  farm::MPISpawnPool pool{{.max_ranks = 2, .ranks_per_task = 2}};
  {
    Document document{std::string(large, 'x'), 1};
    auto const edited = pool.submit(farm::TaskOptions{.environment = {{"A_SETTING", "too"}}}, edit, document);
    document = {};
    auto const size = pool.submit(size_of, edited);
    auto const result = edited.result();
    CHECK(result.text.size() == large);
    CHECK(result.text.front() == 'b');
    CHECK(result.text[large / 2] == 'x');
    CHECK(result.text.back() == 'e');
    CHECK(result.version == 2);
    CHECK(size.result() == std::pair{large, 2});
  }
  CHECK(stage_files().empty());
}

TEST_CASE("a large argument whose file is damaged fails its task with an error") {
  Scratch const scratch{"large-messages"};
  farm::MPISpawnPool pool{{.max_ranks = 1}};
  auto const gate = pool.submit(wait_for, scratch.path / "open");
  auto const version = pool.submit(size_of, Document{std::string(large, 'y'), 3});
  for (auto const& file : stage_files()) std::filesystem::resize_file(file, large / 2);
  std::ofstream{scratch.path / "open"};
  CHECK_THAT(error_of<farm::StageError>([&] { static_cast<void>(version.result()); }), contains(".h5"));
  CHECK(pool.submit([] { return 5; }).result() == 5);
}
