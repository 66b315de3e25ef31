#include "tests/service/store_support.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <stdlib.h>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <utility>

using namespace farm::detail;

namespace store_test {

Scratch::Scratch() {
  auto name = (std::filesystem::temp_directory_path() / "store-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

StoredJob job_of(Store& store) {
  return {.number = store.next_job(), .spec = {.kinds = {{.function = "calc"}}}, .submitted = 1700000000.25};
}

std::vector<TaskSpec> tasks_of(std::size_t count) {
  std::vector<TaskSpec> tasks(count);
  for (std::size_t i = 0; i < count; ++i) tasks[i].input = std::to_string(i);
  return tasks;
}

TaskEnd end_of(std::uint64_t job, std::uint64_t task, TaskState state, std::string value) {
  TaskEnd end{.job = job, .task = task, .state = state, .attempts = 1, .started = 1700000001.5};
  end.ended = end.started + 0.000123;
  end.seconds = 0.00012;
  end.group = 3;
  end.hosts = "nodeA";
  end.value = value.empty() ? std::to_string(task * 2) : std::move(value);
  return end;
}

std::string try_to_add(Store& store, std::vector<TaskSpec> tasks) {
  auto const answer = std::make_shared<std::promise<std::string>>();
  store.add_job(job_of(store), std::move(tasks), [answer](std::string const& error) { answer->set_value(error); });
  return answer->get_future().get();
}

std::uint64_t add_job(Store& store, StoredJob job, std::vector<TaskSpec> tasks) {
  auto const number = job.number;
  auto const answer = std::make_shared<std::promise<std::string>>();
  store.add_job(std::move(job), std::move(tasks), [answer](std::string const& error) { answer->set_value(error); });
  CHECK(answer->get_future().get().empty());
  return number;
}

std::uint64_t add_job(Store& store, std::vector<TaskSpec> tasks) {
  return add_job(store, job_of(store), std::move(tasks));
}

void add_ends(Store& store, std::vector<TaskEnd> ends) {
  auto const answer = std::make_shared<std::promise<void>>();
  store.add_ends(std::move(ends), [answer] { answer->set_value(); });
  answer->get_future().get();
}

std::string change(Store& store, JobChange change) {
  auto const answer = std::make_shared<std::promise<std::string>>();
  store.change(change, [answer](std::string const& error) { answer->set_value(error); });
  return answer->get_future().get();
}

std::string refusal(std::filesystem::path const& directory) {
  try {
    Store const store{directory};
  } catch (StoreError const& error) {
    return error.what();
  }
  return {};
}

std::string read_file(std::filesystem::path const& file) {
  std::ifstream stream{file, std::ios::binary};
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

void write_file(std::filesystem::path const& file, std::string const& content) {
  std::ofstream{file, std::ios::binary | std::ios::trunc} << content;
}

}  // namespace store_test
