#include "tests/service/server_process.hpp"

#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace fs = std::filesystem;
using farm::detail::http::Client;
using farm::detail::http::NoAnswer;
using nlohmann::json;

namespace {

std::string content(fs::path const& file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> list;
  for (auto& word : words) list.push_back(word.data());
  list.push_back(nullptr);
  return list;
}

}  // namespace

ServerProcess::ServerProcess(fs::path directory, Source source, std::vector<std::string> words)
    : directory_(std::move(directory)), source_(source), words_(std::move(words)) {}

ServerProcess::~ServerProcess() {
  if (started_ > 0) {
    kill();
    wait();
  }
  end_groups();
}

/// Ends groups that have outlived the server: they find their directory gone, and are killed if they take long.
void ServerProcess::end_groups() const {
  if (source_ != Source::launched) return;
  std::error_code ignored;
  fs::remove_all(directory_ / "groups", ignored);
  auto const pattern = fmt::format("'{}/groups'", directory_.string());
  static_cast<void>(std::system(fmt::format("pkill -KILL -f {} 2>/dev/null", pattern).c_str()));
}

bool ServerProcess::start() {
  std::vector<std::string> words;
  if (source_ == Source::spawned) words = {FARM_MPIEXEC_PATH, "-n", "1", "-host", "localhost:5"};
  words.insert(words.end(), {SERVICE_TASKS, "serve", "--dir", directory_.string()});
  if (source_ == Source::launched) words.insert(words.end(), {"--source", "launched", "--hosts", "localhost:4"});
  words.insert(words.end(), words_.begin(), words_.end());
  auto const arguments = pointers(words);
  std::error_code ignored;
  fs::remove(directory_ / "server.json", ignored);
  auto const log = directory_.string() + ".out";
  started_ = fork();
  if (started_ == 0) {
    int const out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    setpgid(0, 0);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  return becomes_true([&] {
           int status = 0;
           if (waitpid(started_, &status, WNOHANG) == started_) {
             started_ = 0;
             return true;
           }
           if (!fs::exists(directory_ / "server.json")) return false;
           try {
             return client(5).request("GET", "/api/v1/functions").status == 200;
           } catch (NoAnswer const&) {
             return false;
           }
         }) &&
         started_ > 0;
}

std::string ServerProcess::output() const { return content(directory_.string() + ".out"); }

pid_t ServerProcess::process() const {
  auto const found = json::parse(content(directory_ / "server.lock"), nullptr, false);
  return found.is_object() ? found.value("process", 0) : 0;
}

void ServerProcess::signal(int number) const {
  pid_t const server = process();
  if (server > 0) ::kill(server, number);
}

void ServerProcess::kill() { signal(SIGKILL); }

int ServerProcess::wait() {
  if (started_ <= 0) return -1;
  int status = 0;
  bool const has_ended = becomes_true([&] { return waitpid(started_, &status, WNOHANG) == started_; });
  if (!has_ended) {
    ::kill(-started_, SIGKILL);
    waitpid(started_, &status, 0);
  }
  started_ = 0;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int ServerProcess::stop(std::string const& mode) {
  static_cast<void>(post("/api/v1/server/stop", json{{"mode", mode}}.dump()));
  return wait();
}

Client ServerProcess::client(double limit) const { return Client{(directory_ / "server.sock").string(), {}, limit}; }

json ServerProcess::get(std::string const& target, int status) {
  auto const reply = client().request("GET", target);
  INFO(reply.body);
  REQUIRE(reply.status == status);
  return json::parse(reply.body);
}

json ServerProcess::post(std::string const& target, std::string const& body, int status) {
  auto const reply = client().request("POST", target, body);
  INFO(reply.body);
  REQUIRE(reply.status == status);
  return json::parse(reply.body);
}

std::uint64_t ServerProcess::submit(json const& spec, std::vector<std::string> const& inputs) {
  auto body = json{{"spec", spec}, {"tasks", inputs.size()}}.dump();
  for (auto const& input : inputs) body += "\n" + input;
  return post("/api/v1/jobs", body, 201).at("job");
}

json ServerProcess::wait_for_job(std::uint64_t job) {
  json found;
  bool const has_ended = becomes_true([&] {
    found = get(fmt::format("/api/v1/jobs/{}/wait?seconds=10", job));
    return !found.at("ended").is_null();
  });
  INFO(found.dump());
  REQUIRE(has_ended);
  return found;
}

json job_of(std::string const& function, json const& options) {
  json kind{{"function", function}};
  json spec = json::object();
  for (auto const& [name, value] : options.items()) {
    bool const is_of_job = name == "name" || name == "priority" || name == "hold" || name == "max_fails" ||
                           name == "after" || name == "key";
    (is_of_job ? spec : kind)[name] = value;
  }
  spec["kinds"] = json::array({kind});
  return spec;
}

fs::path new_directory(std::string const& name) {
  auto const path = fs::absolute(name);
  fs::remove_all(path);
  return path;
}
