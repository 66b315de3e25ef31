// A server that is killed at random instants, again and again, while clients submit, wait and cancel.
#include "tests/service/server_process.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <sys/types.h>
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

namespace fs = std::filesystem;
using farm::detail::http::Client;
using farm::detail::http::NoAnswer;
using nlohmann::json;

namespace {

int number_from(char const* variable, int default_value) {
  char const* const text = std::getenv(variable);
  return text == nullptr ? default_value : std::atoi(text);
}

/// What a client was told: these jobs are on disk, with so many tasks that append to a file.
struct Acknowledged {
  std::uint64_t job = 0;
  std::string file{};
  std::size_t tasks = 0;
  bool may_be_cancelled = false;
};

/// A client that submits jobs of each kind, one after the other, and sends each again until it is acknowledged.
class Submitter {
 public:
  Submitter(fs::path directory, std::uint32_t seed) : directory_(std::move(directory)), random_(seed) {
    thread_ = std::jthread{[this](std::stop_token const& stop) { run(stop); }};
  }
  /// Ends the client. Returns what was acknowledged.
  std::vector<Acknowledged> finish() {
    thread_.request_stop();
    thread_.join();
    return acknowledged_;
  }

 private:
  void run(std::stop_token const& stop) {
    for (int number = 0; !stop.stop_requested(); ++number) {
      auto made = make_job(number);
      while (!stop.stop_requested() && !submit(made)) std::this_thread::sleep_for(std::chrono::milliseconds{20});
      if (made.first.job == 0) break;
      acknowledged_.push_back(made.first);
      if (made.first.may_be_cancelled) ask("POST", fmt::format("/api/v1/jobs/{}/cancel", made.first.job));
      ask("GET", fmt::format("/api/v1/jobs/{}", made.first.job));
      std::this_thread::sleep_for(std::chrono::milliseconds{random_() % 200});
    }
  }

  std::pair<Acknowledged, std::string> make_job(int number) {
    Acknowledged job{.file = (directory_.parent_path() / fmt::format("effects-{}", number)).string()};
    auto const key = fmt::format("key-{}", number);
    json spec;
    std::vector<std::string> inputs;
    switch (number % 5) {
      case 0:
        spec = job_of("append", {{"key", key}});
        job.tasks = 200;
        for (std::size_t i = 0; i < job.tasks; ++i) inputs.push_back(json::array({job.file, i}).dump());
        break;
      case 1:
        spec = job_of("append_late", {{"key", key}, {"ranks", 2}});
        job.tasks = 4;
        for (std::size_t i = 0; i < job.tasks; ++i) inputs.push_back(json::array({job.file, i, 30 * i}).dump());
        break;
      case 2:
        spec = {{"key", key}, {"kinds", {{{"command", {"sh", "-c", "echo {task} {attempt} >> " + job.file}}}}}};
        job.tasks = 5;
        inputs.assign(job.tasks, "null");
        break;
      case 3:
        spec = job_of("fail_without", {{"key", key}});
        inputs = {json(job.file).dump()};
        job.file.clear();
        job.tasks = 1;
        break;
      default:
        spec = job_of("append_late", {{"key", key}});
        job.tasks = 6;
        job.may_be_cancelled = true;
        for (std::size_t i = 0; i < job.tasks; ++i) inputs.push_back(json::array({job.file, i, 100}).dump());
    }
    auto body = json{{"spec", spec}, {"tasks", inputs.size()}}.dump();
    for (auto const& input : inputs) body += "\n" + input;
    return {job, body};
  }

  bool submit(std::pair<Acknowledged, std::string>& made) const {
    auto const reply = ask("POST", "/api/v1/jobs", made.second);
    if (reply.status != 201) return false;
    made.first.job = json::parse(reply.body).at("job");
    return true;
  }

  farm::detail::http::Reply ask(std::string const& method, std::string const& target,
                                std::string const& body = {}) const {
    try {
      return Client{(directory_ / "server.sock").string(), {}, 10}.request(method, target, body);
    } catch (NoAnswer const&) {
      return {};
    }
  }

  fs::path directory_;
  std::minstd_rand random_;
  std::vector<Acknowledged> acknowledged_;
  std::jthread thread_;
};

/// Returns how often each task has appended its line, and the attempts that did.
std::map<std::size_t, std::vector<int>> effects(std::string const& file) {
  std::map<std::size_t, std::vector<int>> lines;
  std::ifstream in{file};
  std::size_t task = 0;
  int attempt = 0;
  while (in >> task >> attempt) lines[task].push_back(attempt);
  return lines;
}

void check_job(ServerProcess& server, Acknowledged const& expected, std::map<std::string, std::string> const& before) {
  auto const job = server.wait_for_job(expected.job);
  INFO(job.dump());
  CHECK(job.at("tasks") == expected.tasks);
  auto const& counts = job.at("counts");
  if (expected.file.empty()) {
    CHECK(counts.at("failed") == expected.tasks);
    return;
  }
  if (!expected.may_be_cancelled) CHECK(counts.at("finished") == expected.tasks);
  auto const lines = effects(expected.file);
  auto const listed = server.get(fmt::format("/api/v1/jobs/{}/tasks", expected.job)).at("tasks");
  REQUIRE(listed.size() == expected.tasks);
  for (auto const& task : listed) {
    std::size_t const number = task.at("task");
    if (task.at("state") == "cancelled") continue;
    CHECK(task.at("state") == "finished");
    REQUIRE(lines.contains(number));
    auto const name = fmt::format("{}.{}", expected.job, number);
    if (auto const found = before.find(name); found != before.end()) CHECK(found->second == task.dump());
  }
}

/// Remembers the tasks that are reported as finished, exactly as they are shown: they must never change.
void remember_finished(ServerProcess& server, std::map<std::string, std::string>& finished) {
  try {
    auto client = server.client(5);
    auto const jobs = json::parse(client.request("GET", "/api/v1/jobs").body).at("jobs");
    for (auto const& job : jobs) {
      if (job.at("tasks") > 50) continue;
      auto const reply =
          client.request("GET", fmt::format("/api/v1/jobs/{}/tasks?state=finished", job.at("job").get<int>()));
      for (auto const& task : json::parse(reply.body).at("tasks")) {
        auto const name = fmt::format("{}.{}", task.at("job").get<int>(), task.at("task").get<int>());
        auto const [known, is_new] = finished.emplace(name, task.dump());
        CHECK(known->second == task.dump());
      }
    }
  } catch (NoAnswer const&) {  // it was killed meanwhile
  }
}

void kill_again_and_again(ServerProcess::Source source, int kills) {
  auto const seed =
      static_cast<std::uint32_t>(number_from("FARM_TEST_SEED", static_cast<int>(std::random_device{}() >> 1U)));
  fmt::print("{} kills, FARM_TEST_SEED={}\n", kills, seed);
  std::fflush(stdout);
  INFO(fmt::format("FARM_TEST_SEED={}", seed));
  std::minstd_rand random{seed};
  auto const scratch = new_directory(source == ServerProcess::Source::spawned ? "spawned" : "launched");
  fs::create_directories(scratch);
  ServerProcess server{scratch / "state", source, {"--max-ranks", "2"}};
  Submitter submitter{server.directory(), seed};
  std::map<std::string, std::string> finished;
  for (int i = 0; i < kills; ++i) {
    INFO("kill " << i << ": " << server.output());
    REQUIRE(server.start());
    if (i % 10 == 9) remember_finished(server, finished);
    std::this_thread::sleep_for(std::chrono::milliseconds{random() % (i % 7 == 0 ? 1500 : 150)});  // the random instant
    server.kill();
    server.wait();
  }
  REQUIRE(server.start());
  auto const jobs = submitter.finish();
  CHECK(jobs.size() > 3);
  for (auto const& job : jobs) check_job(server, job, finished);
  std::set<std::uint64_t> numbers;
  for (auto const& job : jobs) CHECK(numbers.insert(job.job).second);
  CHECK(server.stop() == 0);
}

}  // namespace

TEST_CASE("whenever a server with launched groups is killed, nothing that was acknowledged is lost or runs again") {
  kill_again_and_again(ServerProcess::Source::launched, number_from("FARM_TEST_KILLS", 100));
}

#ifdef FARM_CAN_SPAWN
TEST_CASE("whenever a server that mpiexec has started is killed, nothing that was acknowledged is lost or runs again") {
  kill_again_and_again(ServerProcess::Source::spawned, number_from("FARM_TEST_KILLS", 100));
}
#endif
