// store [TASKS]: measures the queue on disk beside plain SQLite that inserts the same rows, one for each task, in the
// same directory (TMPDIR) and with the same durability: a job of a million tasks, their ends in calls of 1,000, and
// singly; opening the queue with all tasks waiting, and with all ended; and the disk that a task without a result
// takes.
#include "spawn/service/store/store.hpp"
#include "tests/bench/measure.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdlib>
#include <filesystem>
#include <future>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace farm::detail;

double seconds_of(auto&& work) {
  auto const begin = bench::wall_us();
  work();
  return (bench::wall_us() - begin) / 1e6;
}

TaskEnd end_of(std::uint64_t task) {
  TaskEnd end{.job = 1, .task = task, .attempts = 1, .started = 1700000000.123456 + static_cast<double>(task) * 1e-5};
  end.ended = end.started + 0.000123;
  end.seconds = 0.000101;
  end.group = 1 + task % 16;
  end.hosts = "node17";
  end.value = "null";
  return end;
}

/// Plain SQLite, with one row for each task.
class Raw {
 public:
  explicit Raw(std::filesystem::path const& file) {
    check(sqlite3_open(file.c_str(), &database_));
    run("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "CREATE TABLE tasks(job INTEGER, task INTEGER, input TEXT, PRIMARY KEY(job, task)) WITHOUT ROWID;"
        "CREATE TABLE ends(job INTEGER, task INTEGER, state INTEGER, attempts INTEGER, started REAL, ended REAL, "
        "seconds "
        "REAL, grp INTEGER, hosts TEXT, value TEXT, PRIMARY KEY(job, task)) WITHOUT ROWID");
  }
  ~Raw() { sqlite3_close(database_); }
  Raw(Raw const&) = delete;
  Raw& operator=(Raw const&) = delete;

  void insert_tasks(std::vector<TaskSpec> const& tasks) {
    auto* const insert = prepare("INSERT INTO tasks VALUES(1, ?, ?)");
    run("BEGIN");
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      sqlite3_bind_int64(insert, 1, static_cast<std::int64_t>(i));
      bind(insert, 2, tasks[i].input);
      step(insert);
    }
    run("COMMIT");
    sqlite3_finalize(insert);
  }
  void insert_ends(std::vector<std::vector<TaskEnd>> const& calls) {
    auto* const insert = prepare("INSERT INTO ends VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    for (auto const& ends : calls) {
      run("BEGIN");
      for (auto const& end : ends) {
        sqlite3_bind_int64(insert, 1, static_cast<std::int64_t>(end.task));
        sqlite3_bind_int64(insert, 2, static_cast<int>(end.state));
        sqlite3_bind_int64(insert, 3, end.attempts);
        sqlite3_bind_double(insert, 4, end.started);
        sqlite3_bind_double(insert, 5, end.ended);
        sqlite3_bind_double(insert, 6, end.seconds);
        sqlite3_bind_int64(insert, 7, static_cast<std::int64_t>(end.group));
        bind(insert, 8, end.hosts);
        bind(insert, 9, end.value);
        step(insert);
      }
      run("COMMIT");
    }
    sqlite3_finalize(insert);
  }

 private:
  static void check(int code) {
    if (code != SQLITE_OK && code != SQLITE_DONE) throw std::runtime_error{sqlite3_errstr(code)};
  }
  void run(char const* sql) { check(sqlite3_exec(database_, sql, nullptr, nullptr, nullptr)); }
  sqlite3_stmt* prepare(char const* sql) {
    sqlite3_stmt* statement = nullptr;
    check(sqlite3_prepare_v2(database_, sql, -1, &statement, nullptr));
    return statement;
  }
  static void bind(sqlite3_stmt* statement, int at, std::string const& text) {
    sqlite3_bind_text(statement, at, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  static void step(sqlite3_stmt* statement) {
    check(sqlite3_step(statement));
    sqlite3_reset(statement);
  }

  sqlite3* database_ = nullptr;
};

std::vector<TaskSpec> tasks_of(std::size_t count) {
  std::vector<TaskSpec> tasks(count);
  for (std::size_t i = 0; i < count; ++i) tasks[i].input = std::to_string(i);
  return tasks;
}

std::vector<std::vector<TaskEnd>> calls_of(std::size_t tasks, std::size_t ends_per_call) {
  std::vector<std::vector<TaskEnd>> calls;
  for (std::size_t i = 0; i < tasks; ++i) {
    if (i % ends_per_call == 0) calls.emplace_back();
    calls.back().push_back(end_of(i));
  }
  return calls;
}

void print(std::string const& name, double value) { fmt::print("{} {:.6g}\n", name, value); }

double add_job(Store& store, std::size_t count) {
  auto tasks = tasks_of(count);
  std::promise<std::string> done;
  StoredJob const job{.number = store.next_job(), .spec = {.kinds = {{.function = "noop"}}}};
  return seconds_of([&] {
    store.add_job(job, std::move(tasks), [&](std::string const& error) { done.set_value(error); });
    if (auto const error = done.get_future().get(); !error.empty()) throw std::runtime_error{error};
  });
}

double add_ends(Store& store, std::size_t count, std::size_t ends_per_call) {
  auto calls = calls_of(count, ends_per_call);
  return seconds_of([&] {
    for (auto& ends : calls) store.add_ends(std::move(ends), {});
    if (!store.flush(600)) throw std::runtime_error{"the disk is full"};
  });
}

void measure(std::filesystem::path const& directory, std::size_t count) {
  auto const million = static_cast<double>(count) / 1e6;
  double raw_submit = 0;
  double raw_ends = 0;
  {
    Raw raw{directory / "raw.db"};
    auto const tasks = tasks_of(count);
    auto const calls = calls_of(count, 1000);
    raw_submit = seconds_of([&] { raw.insert_tasks(tasks); });
    raw_ends = seconds_of([&] { raw.insert_ends(calls); });
  }
  double submit = 0;
  {
    Store store{directory};
    submit = add_job(store, count);
  }
  auto const open_waiting = seconds_of([&] {
    Store store{directory};
    if (store.load().front().states.size() != count) throw std::runtime_error{"tasks are missing"};
  });
  double ends = 0;
  double single_ends = 0;
  {
    Store store{directory};
    ends = add_ends(store, count, 1000);
  }
  auto const bytes = std::filesystem::file_size(directory / "queue.db");
  auto const open_ended = seconds_of([&] {
    Store store{directory};
    if (store.load().front().attempts.size() != count) throw std::runtime_error{"ends are missing"};
  });
  {
    Store store{directory};
    single_ends = add_ends(store, count, 1);
  }
  print("store_submit_per_s", million * 1e6 / submit);
  print("raw_submit_per_s", million * 1e6 / raw_submit);
  print("store_ends_per_s", million * 1e6 / ends);
  print("store_single_ends_per_s", million * 1e6 / single_ends);
  print("raw_ends_per_s", million * 1e6 / raw_ends);
  print("store_open_waiting_s", open_waiting);
  print("store_open_ended_s", open_ended);
  print("store_bytes_per_task", static_cast<double>(bytes) / static_cast<double>(count));
}

}  // namespace

int main(int argc, char** argv) {
  auto const count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000ULL;
  auto name = (std::filesystem::temp_directory_path() / "bench-store-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return 1;
  int status = 0;
  try {
    measure(name, count);
  } catch (std::exception const& error) {
    fmt::print(stderr, "store: {}\n", error.what());
    status = 1;
  }
  std::filesystem::remove_all(name);
  return status;
}
