// The commands of a client, as a user types them, with a real server.
#include "tests/service/run_words.hpp"
#include "tests/service/server_process.hpp"
#include "tests/support/catch.hpp"

#include <fmt/format.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

namespace fs = std::filesystem;
using nlohmann::json;

namespace {

/// A server with its directory, and its commands.
struct Service {
  explicit Service(std::string const& name) : server(new_directory(name)) {
    setenv("FARM_DIR", server.directory().c_str(), 1);
    REQUIRE(server.start());
  }
  Service(Service const&) = delete;
  Service& operator=(Service const&) = delete;
  ~Service() { unsetenv("FARM_DIR"); }

  [[nodiscard]] fs::path path(std::string const& name) const { return server.directory().parent_path() / name; }
  ServerProcess server;
};

Ran farm(std::string const& words) { return run_in_shell(fmt::format("{} {}", SERVICE_TASKS, words)); }

/// Returns the number of the job that `submit` has printed.
std::uint64_t job_in(Ran const& ran) {
  INFO(ran.out << ran.err);
  REQUIRE(ran.status == 0);
  return std::stoull(ran.out);
}

void write(fs::path const& path, std::string const& text) { std::ofstream{path} << text; }

}  // namespace

TEST_CASE("a job is submitted, waited for, and its results are printed in the order of the inputs") {
  Service const service{"commands-results"};
  auto const ran = farm("submit calc 3 1 2 --results");
  CHECK(ran.status == 0);
  CHECK(ran.out == "[3, 1, 0]\n[1, 1, 0]\n[2, 1, 0]\n");
  CHECK(ran.err == "job 1 with 3 tasks\n");
  CHECK(farm("submit calc 5 --ranks-per-task 2 --results").out == "[5, 2, 0]\n");
  auto const submitted = farm("submit no_op 1 2");
  CHECK(submitted.out == "job 3 with 2 tasks\n");
  CHECK(farm("job wait 3").status == 0);
  CHECK(farm("job wait last --output-mode quiet").status == 0);
  CHECK(job_in(farm("submit no_op 1 --output-mode quiet")) == 4);
  CHECK(farm("submit no_op 1 2 --output-mode json").out == "{\"job\":5,\"tasks\":2}\n");
}

TEST_CASE("a job whose tasks fail has status 1, and its errors name task, host and type") {
  Service const service{"commands-fail"};
  auto const ran = farm("submit fail 7 --name 'it fails' --wait");
  CHECK(ran.status == 1);
  CHECK_THAT(ran.err, contains("job 1: 0 finished, 1 failed; first error: task 1.0 on "));
  CHECK_THAT(ran.err, contains("std::invalid_argument: 7 is refused"));
  CHECK(farm("job wait 1").status == 1);
  auto const results = farm("job results 1");
  CHECK(results.status == 1);
  CHECK_THAT(results.out, contains("std::invalid_argument: 7 is refused"));
  CHECK_THAT(farm("job info 1").out, contains("name       it fails\n") && contains("state      failed\n"));
  CHECK_THAT(farm("submit fail 8 --results").err, contains("task 2.0") && contains("(input {\"i\": 8})"));
}

TEST_CASE("wrong words are answered in one line with status 2, and no server with 3") {
  Service service{"commands-errors"};
  auto const check = [](std::string const& words, int status, std::string const& text) {
    CAPTURE(words);
    auto const ran = farm(words);
    CHECK(ran.status == status);
    CHECK(ran.out.empty());
    CHECK_THAT(ran.err, contains(text));
    CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  };
  check("submit clac 1", 2, "unknown task 'clac': did you mean 'calc'?");
  check("submit calc one", 2, "argument 1 (i) is \"one\"");
  check("submit calc", 2, "no inputs for calc");
  check("submit", 2, "TASK is required");
  check("submit calc 1 --ranks 2", 2, "unknown option '--ranks': did you mean '--ranks-per-task'?");
  check("submit calc 1 --after 5-x", 2, "numbers such as 5, 1-10 or 1,3,5-8 are expected");
  check("submit calc 1 --task-dir x", 2, "--task-dir is for programs");
  check("submit -- ./solver {x}", 2, "the command has a field for inputs");
  check("submit 1 -- true", 2, "the command has no field for the inputs");
  check("submit not-there.toml", 1, "not-there.toml");
  check("job lst", 2, "unknown subcommand 'lst': did you mean 'list'?");
  check("job", 2, "no subcommand was given; choose one of list, info, ");
  check("job list --stat x", 2, "unknown option '--stat': did you mean '--state'?");
  check("job list --state finish", 2, "unknown state 'finish': did you mean 'finished'?");
  check("job list extra words", 2, "'words' was not expected");
  check("job info 77", 2, "77");
  check("job results 1-3", 2, "the server has no jobs of 1-3");
  check("job list --output-mode yaml", 2, "text, json or quiet is expected");
  check("task info 1", 2, "a task is expected, as 5.2 or last.0");
  check("job log last", 2, "there is no last job");
  CHECK(farm("server stop").status == 0);
  service.server.wait();
  check("job list", 3, "no server runs in " + service.server.directory().string() + "; start one: farm serve");
  check("submit calc 1", 3, "no server runs in ");
  CHECK(farm("server wait --timeout 50ms").status == 3);
}

TEST_CASE("inputs come from words, grids, tables, files and pipes, as map takes them") {
  Service const service{"commands-inputs"};
  write(service.path("in.jsonl"), "1\n2\n");
  write(service.path("in.csv"), "i,other\n3,x\n4,y\n");
  CHECK(farm(fmt::format("submit no_op 0 --grid i=5:6 --csv {} --over {} --results", service.path("in.csv").string(),
                         service.path("in.jsonl").string()))
            .out == "0\n5\n6\n3\n4\n1\n2\n");
  CHECK(run_in_shell(fmt::format("seq 3 | {} submit no_op --over - --results", SERVICE_TASKS)).out == "1\n2\n3\n");
  write(service.path("bad.jsonl"), "1\n\n2\nx\n");
  auto const bad = farm("submit no_op --over " + service.path("bad.jsonl").string());
  CHECK(bad.status == 2);
  CHECK_THAT(bad.err, contains(service.path("bad.jsonl").string() + ":4: no_op: argument 1 (i) is \"x\""));
  CHECK(farm("job list --output-mode quiet").out == "1\n2\n");
}

TEST_CASE("a hundred thousand inputs are one job") {
  Service const service{"commands-many"};
  auto const ran = run_in_shell(fmt::format("seq 100000 | {} submit no_op --over - --hold", SERVICE_TASKS));
  CHECK(ran.out == "job 1 with 100000 tasks\n");
  CHECK(json::parse(farm("job list --output-mode json").out).at("counts").at("held") == 100000);
  CHECK_THAT(farm("job cancel 1").out, contains("job 1: 100000 tasks cancelled"));
}

TEST_CASE("inputs without an end are refused in one line, and nothing is submitted") {
  Service const service{"commands-endless"};
  auto const ran = run_in_shell(
      fmt::format("yes \"$(head -c 100000 /dev/zero | tr '\\0' x)\" | {} submit say --over -", SERVICE_TASKS));
  CHECK(ran.status == 2);
  CHECK_THAT(ran.err, contains("more than a server takes at once (256 MiB): nothing was submitted"));
  CHECK(std::count(ran.err.begin(), ran.err.end(), '\n') == 1);
  CHECK(farm("job list").out == "there are no jobs\n");
}

TEST_CASE("Ctrl-C ends the waiting, and not the job") {
  Service const service{"commands-interrupt"};
  auto const file = service.path("go").string();
  for (auto const* const name : {"INT", "TERM"}) {
    auto const ran = run_in_shell(
        fmt::format("{0} submit wait_for {1} --wait & pid=$!\n"
                    "until [ \"$({0} job list --state running --output-mode quiet)\" ]; do sleep 0.05; done\n"
                    "kill -{2} $pid; wait $pid",
                    SERVICE_TASKS, file, name));
    CHECK(ran.status == 128 + (std::string{name} == "INT" ? SIGINT : SIGTERM));
    CHECK_THAT(ran.err, contains("goes on; farm job wait "));
    CHECK_THAT(farm("job list --state running --output-mode quiet").out, contains("\n"));
    write(file, "");
    CHECK(farm("job wait all").status == 0);
    fs::remove(file);
  }
}

TEST_CASE("jobs are held, released, cancelled, retried and forgotten") {
  Service const service{"commands-changes"};
  auto const file = service.path("now").string();
  farm(fmt::format("submit fail_without {} --hold --name 'two\nlines \"quoted\" ../x'", file));
  CHECK_THAT(farm("job list").out, contains("held") && contains("two\\nlines \"quoted\" ../x\n"));
  CHECK_THAT(farm("task explain 1.0").out, contains("task 1.0 is held"));
  CHECK(farm("job release 1").out == "job 1: 1 task released\n");
  CHECK(farm("job wait 1").status == 1);
  write(file, "");
  CHECK(farm("job retry 1").out == "job 1: 1 task to run again\n");
  CHECK(farm("job wait 1").status == 0);
  CHECK_THAT(farm("task info 1.0").out, contains("state      finished") && contains("result     1"));
  farm(fmt::format("submit wait_for {} {} --hold", service.path("never").string(), service.path("never").string()));
  CHECK(farm("job priority 2 5").out == "job 2: priority 5\n");
  CHECK(json::parse(farm("job info 2 --output-mode json").out).at("priority") == 5);
  CHECK(farm("job cancel 2 --tasks 1").out == "job 2: 1 task cancelled\n");
  CHECK(farm("job forget 2").status == 1);
  CHECK(farm("job forget all").out == "job 1: forgotten\n");
  CHECK(farm("job cancel last").out == "job 2: 1 task cancelled\n");
  CHECK(farm("job wait 2").status == 1);
  CHECK(farm("job forget 1-2").out == "job 2: forgotten\n");
  CHECK(farm("job list").out == "there are no jobs\n");
}

TEST_CASE("tasks, logs and attempts are told") {
  Service const service{"commands-tasks"};
  CHECK(farm("submit say first second --wait").status == 0);
  CHECK(farm("job log 1 --task 1").out == "second\n");
  CHECK_THAT(farm("job log 1").out, contains("first\n") && contains("second\n"));
  CHECK_THAT(farm("job tasks 1").out, contains("task  state") && contains("1.0   finished"));
  CHECK(farm("job tasks 1 --output-mode quiet").out == "1.0\n1.1\n");
  CHECK(farm("job tasks 1 --state failed").out == "there are no such tasks\n");
  CHECK(farm("submit die_once 4 --results").out == "4\n");
  auto const info = farm("task info 2.0");
  CHECK_THAT(info.out, contains("attempt  state") && contains("lost") && contains("finished"));
  auto const file = service.path("go").string();
  auto const followed = run_in_shell(
      fmt::format("{0} submit wait_for {1} > /dev/null; {0} job log last --follow & pid=$!; touch {1}; wait $pid",
                  SERVICE_TASKS, file));
  CHECK(followed.status == 0);
}

TEST_CASE("results become files: tables, lines of JSON, and HDF5 with arrays") {
  Service const service{"commands-files"};
  farm("submit calc 1 2 --wait");
  auto const csv = service.path("t.csv").string();
  CHECK(farm("job results 1 --to " + csv).status == 0);
  CHECK_THAT(text_of_file(csv), contains("index,i,result,error,attempts,seconds\n0,1,\"[1,1,0]\",,1,"));
  CHECK_THAT(farm("job results 1 --to " + csv).err, contains("there is a file " + csv + " already"));
  auto const lines = service.path("t.jsonl").string();
  CHECK(farm("job results 1 --to " + lines).status == 0);
  CHECK(farm("submit no_op --over " + lines + " --dir " + service.server.directory().string()).status == 2);
  farm("submit numbers 10 --wait");
  auto const file = service.path("t.h5").string();
  auto const ran = farm("job results last --to " + file);
  CHECK(ran.status == 0);
  CHECK(ran.err.empty());
  CHECK(fs::file_size(file) > 0);
}

TEST_CASE("a job file has tasks of several kinds, which need each other") {
  Service const service{"commands-jobfile"};
  auto const file = service.path("effects").string();
  write(service.path("job.toml"), fmt::format(R"(name = "chain"
[[task]]
name = "last"
needs = ["first"]
function = "append"
input = ["{0}", 2]
[[task]]
name = "first"
command = ["sh", "-c", "sleep 0.2; echo 1 {{job}} >> {0}"]
)",
                                              file));
  auto const ran = farm(fmt::format("submit {} --wait --name other", service.path("job.toml").string()));
  CHECK(ran.status == 0);
  CHECK(ran.out == "job 1 with 2 tasks\n");
  CHECK(text_of_file(file) == "1 1\n2 1\n");
  CHECK_THAT(farm("job info 1").out, contains("name       other\n"));
  write(service.path("job.toml"), "[[task]]\nfunction = \"clac\"\ninput = 1\n");
  auto const wrong = farm("submit " + service.path("job.toml").string());
  CHECK(wrong.status == 2);
  CHECK_THAT(wrong.err, contains("job.toml:1:1: task: unknown task 'clac': did you mean 'calc'?"));
  CHECK_THAT(farm(fmt::format("submit {} --retries 1", service.path("job.toml").string())).err,
             contains("--retries: a job file says this itself"));
}

TEST_CASE("programs get their columns, their number and a directory each") {
  Service const service{"commands-programs"};
  auto const runs = service.path("runs").string();
  fs::create_directories(runs);
  auto const ran =
      farm(fmt::format("submit --grid a=1,2 --cwd {} --task-dir work --env 'X={{y}}' --wait -- sh -c "
                       "'echo {{a}} {{job}} {{task}} $X > out; echo told {{a}}'",
                       runs));
  INFO(ran.err);
  CHECK(ran.status == 0);
  CHECK(text_of_file(runs + "/work/0/out") == "1 1 0 {y}\n");
  CHECK(text_of_file(runs + "/work/1/out") == "2 1 1 {y}\n");
  CHECK(farm("job log 1 --task 1").out == "told 2\n");
  CHECK(farm("submit --wait -- false").status == 1);
  CHECK_THAT(farm("job info last").out, contains("exited with status 1"));
}

TEST_CASE("jobs wait for others") {
  Service const service{"commands-after"};
  farm("submit fail 1 --hold");
  farm("submit no_op 1 --after 1");
  CHECK_THAT(farm("job list --state blocked --output-mode quiet").out, contains("2"));
  farm("job release 1");
  CHECK(farm("job wait all").status == 1);
  CHECK(json::parse(farm("job info 2 --output-mode json").out).at("state") == "cancelled");
}

TEST_CASE("a server tells about itself, and is stopped") {
  Service service{"commands-server"};
  auto const info = farm("server info");
  CHECK(info.status == 0);
  CHECK_THAT(info.out,
             contains("directory  " + service.server.directory().string() + "\n") && contains("state      serving\n"));
  CHECK(json::parse(farm("server info --output-mode json").out).at("directory") == service.server.directory().string());
  CHECK(farm("server wait").status == 0);
  CHECK_THAT(farm("server stop --now").out, contains("has ended\n"));
  CHECK(service.server.wait() == 0);
}

TEST_CASE("a waiting client goes on with a server that was killed and started anew") {
  Service service{"commands-restart"};
  auto const file = service.path("go").string();
  write("wait.sh", fmt::format("{0} submit wait_for {1} --wait; echo $? > status", SERVICE_TASKS, file));
  REQUIRE(std::system("bash wait.sh > wait.out 2> wait.err &") == 0);
  REQUIRE(becomes_true([] { return !farm("job list --state running --output-mode quiet").out.empty(); }));
  service.server.kill();
  service.server.wait();
  REQUIRE(becomes_true([] { return text_of_file("wait.err").find("waiting for it") != std::string::npos; }));
  REQUIRE(service.server.start());
  write(file, "");
  REQUIRE(becomes_true([] { return !text_of_file("status").empty(); }));
  CHECK(text_of_file("status") == "0\n");
}
