#include "tests/service/store_support.hpp"
#include "tests/support/catch.hpp"

#include <sqlite3.h>

using namespace farm::detail;
using namespace store_test;

namespace {

/// Runs statements on a database, which is made if it is not there.
void execute(std::filesystem::path const& file, std::string const& sql) {
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  REQUIRE(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(database);
}

/// Returns the rows of a query, with columns separated by bars.
std::string rows_of(std::filesystem::path const& file, std::string const& sql) {
  std::string text;
  sqlite3* database = nullptr;
  REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
  auto const add = [](void* to, int columns, char** values, char**) {
    auto& all = *static_cast<std::string*>(to);
    for (int i = 0; i < columns; ++i) all += std::string{i == 0 ? "" : "|"} + (values[i] == nullptr ? "" : values[i]);
    all += '\n';
    return 0;
  };
  REQUIRE(sqlite3_exec(database, sql.c_str(), add, &text, nullptr) == SQLITE_OK);
  sqlite3_close(database);
  return text;
}

void set_format(Scratch const& scratch, int format) {
  execute(scratch.database(), "PRAGMA user_version=" + std::to_string(format));
  std::filesystem::remove(scratch.path() / "queue.acknowledged");
}

}  // namespace

TEST_CASE("A state directory of version 1 is opened") {
  Scratch const scratch;
  std::filesystem::path const state{FARM_SOURCE_DIR "/tests/service/states/1"};
  execute(scratch.database(), read_file(state / "queue.sql"));
  std::filesystem::copy_file(state / "queue.acknowledged", scratch.path() / "queue.acknowledged");
  Store store{scratch.path()};
  CHECK(store.damage().empty());
  auto const jobs = store.load();
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].job.spec == JobSpec{.name = "sweep",
                                    .kinds = {{.function = "calc", .columns = {"x"}, .ranks = 2, .timeout = 1.5}},
                                    .priority = 1});
  CHECK(jobs[0].job.held);
  CHECK(jobs[0].job.priority == 3);
  CHECK(jobs[0].states ==
        std::vector<TaskState>{TaskState::finished, TaskState::finished, TaskState::failed, TaskState::waiting});
  CHECK(jobs[0].last_ended == 1700000101.500123);
  CHECK(store.tasks(1, 2, 1).front().input == "{\"x\": \"\xc3\xa4\"}");
  CHECK(store.history(1, 1).size() == 3);
  CHECK(store.ends(1, 2, 1).front().losses == std::vector<std::string>{"rank 1 was killed by signal 9"});
  CHECK(store.ends(1, 2, 1).front().hosts == "nodeA,nodeB");
  CHECK(store.ends(1, 2, 1).front().peak_memory == 4096);
  CHECK(jobs[1].job.number == 3);
  CHECK(store.tasks(3, 0, 9) ==
        std::vector<TaskSpec>{{.input = "1"}, {.input = "null", .kind = 1, .needs = {0}, .name = "post"}});
  CHECK(store.load_groups().front().details == "{\"launcher\":1}");
  CHECK(store.next_job() == 4);
}

TEST_CASE("A database of a newer farm is refused, and left alone") {
  Scratch const scratch;
  { Store const store{scratch.path()}; }
  set_format(scratch, 3);
  CHECK(refusal(scratch.path()) ==
        scratch.database().string() + " was written by a newer farm (format 3, this one knows 1)");
  set_format(scratch, 1);
  CHECK(refusal(scratch.path()).empty());
}

TEST_CASE("A version that contradicts the note beside the database is damage") {
  Scratch const scratch;
  {
    Store store{scratch.path()};
    add_job(store, tasks_of(1));
  }
  execute(scratch.database(), "PRAGMA user_version=5");
  Store store{scratch.path()};
  REQUIRE(store.damage().size() == 1);
  CHECK_THAT(store.damage().front(), contains("all of it was recovered"));
  CHECK(store.load().size() == 1);
}

TEST_CASE("A database that is not a queue is refused, and left alone") {
  Scratch const scratch;
  execute(scratch.database(), "CREATE TABLE mine(x)");
  auto const before = read_file(scratch.database());
  CHECK_THAT(refusal(scratch.path()), contains("is a database, but not one of farm"));
  CHECK(read_file(scratch.database()) == before);
}

TEST_CASE("Users find jobs, inputs and ends in views") {
  Scratch const scratch;
  Store store{scratch.path()};
  auto job = job_of(store);
  job.spec.name = "sweep";
  add_job(store, job, {{.input = "7"}, {.input = "{\"a\": 1}"}, {.input = "true"}, {.input = "\"x\""}});
  add_job(store, {{.input = "1"}, {.input = "[2,3]", .needs = {0}, .name = "post"}});
  add_ends(store, {end_of(1, 1, TaskState::failed, "{\"text\":\"no\"}"), end_of(2, 0)});
  add_ends(store, {end_of(1, 1, TaskState::waiting)});
  CHECK(rows_of(scratch.database(), "SELECT job, name, tasks, submitted, held FROM job_list") ==
        "1|sweep|4|1700000000.25|0\n2||2|1700000000.25|0\n");
  CHECK(rows_of(scratch.database(), "SELECT * FROM task_inputs ORDER BY job, task") ==
        "1|0|7\n1|1|{\"a\":1}\n1|2|true\n1|3|x\n2|0|1\n2|1|[2,3]\n");
  CHECK(rows_of(scratch.database(),
                "SELECT job, task, state, attempts, ended, seconds, \"group\", hosts, value FROM task_ends") ==
        "1|1|failed|1|1700000001.500123|0.00012|3|nodeA|{\"text\":\"no\"}\n"
        "1|1|retried|1|1700000001.500123|0.00012|3|nodeA|2\n"
        "2|0|finished|1|1700000001.500123|0.00012|3|nodeA|0\n");
}
