// What `submit` sends: inputs of the command line, files, job files.
#include "spawn/by_name/program_template.hpp"
#include "spawn/program/service/submit/inputs_of_submission.hpp"
#include "spawn/program/service/submit/job_file.hpp"
#include "spawn/program/service/submit/submission_arguments.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/service/client/submission_body.hpp"
#include "spawn/service/protocol/submission.hpp"
#include "tests/service/scripted_service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <fstream>
#include <sstream>

using namespace farm;
using namespace farm::detail;

namespace {

JobSpec job_of(std::string const& function) { return {.kinds = {{.function = function}}}; }

constexpr auto functions =
    R"({"functions":[)"
    R"({"name":"heat","signature":"heat(double alpha, int n) -> double",)"
    R"("arguments":[{"name":"alpha","type":"double"},{"name":"n","type":"int"}],"result":"double"},)"
    R"({"name":"greet","signature":"greet(string) -> string",)"
    R"("arguments":[{"name":null,"type":"string"}],"result":"string"}]})";

/// A server that has the functions, and a directory for a job file.
struct Files {
  explicit Files(std::string const& name) : service(name) { service.on("GET /api/v1/functions", {functions}); }
  std::string write(std::string const& name, std::string const& text) const {
    auto const path = (service.directory() / name).string();
    std::ofstream{path} << text;
    return path;
  }
  /// Reads a job file as the server reads what is sent.
  Submission read(std::string const& text) {
    auto const path = write("job.toml", text);
    ServerFunctions known{requests};
    auto body = read_job_file(path, known, [](JobSpec&) {});
    return read_submission(body.body());
  }
  /// Returns the error without the name of the file.
  std::string error(std::string const& text) {
    auto const whole = error_of<TypingError>([&] { read(text); });
    auto const path = (service.directory() / "job.toml").string();
    return whole.starts_with(path) ? whole.substr(path.size()) : whole;
  }

  ScriptedService service;
  Requests requests{{.directory = service.directory()}};
};

/// Returns what is sent for inputs of a function.
std::vector<std::string> sent(Files& files, std::string const& function, InputArguments const& inputs) {
  SubmissionBody body{job_of(function)};
  add_inputs_to(body, ServerFunctions{files.requests}.find(function), inputs);
  std::vector<std::string> lines;
  std::istringstream in{body.body()};
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  lines.erase(lines.begin());
  return lines;
}

}  // namespace

TEST_CASE("a submission is a line for the job and a line for each task") {
  SubmissionBody body{job_of("calc")};
  for (int i = 0; i < 3; ++i) body.add(std::to_string(i));
  auto const submission = read_submission(body.body());
  CHECK(submission.spec.kinds.at(0).function == "calc");
  CHECK(submission.spec.key.size() == 32);
  REQUIRE(submission.tasks.size() == 3);
  CHECK(submission.tasks[2].input == "2");
  body.add("3");
  CHECK(read_submission(body.body()).tasks.size() == 4);
}

TEST_CASE("each submission has a key of its own, unless it has one") {
  CHECK(random_key() != random_key());
  auto spec = job_of("calc");
  spec.key = "mine";
  SubmissionBody body{spec};
  body.add("1");
  CHECK(read_submission(body.body()).spec.key == "mine");
}

TEST_CASE("inputs without an end stop where a server takes no more, and nothing is submitted") {
  SubmissionBody body{job_of("calc")};
  std::string const large(1U << 20U, '1');
  auto const error = error_of<UsageError>([&] {
    for (;;) body.add(large);
  });
  CHECK_THAT(error, contains("more than a server takes at once (256 MiB): nothing was submitted after 255 of them"));
}

TEST_CASE("inputs of a function are read as map reads them, by the server's names") {
  Files files{"inputs"};
  CHECK(sent(files, "heat", {.words = {"0.5,3", "[1,2]", R"({"n":4,"alpha":0.1})"}}) ==
        std::vector<std::string>{R"({"alpha":0.5,"n":3})", R"({"alpha":1,"n":2})", R"({"alpha":0.1,"n":4})"});
  CHECK(sent(files, "heat", {.grid = {"n=1:2", "alpha=.5"}}) ==
        std::vector<std::string>{R"({"alpha":0.5,"n":1})", R"({"alpha":0.5,"n":2})"});
  CHECK(sent(files, "heat", {.csv = files.write("t.csv", "x,n,alpha\n1,2,3\n")}) ==
        std::vector<std::string>{R"({"alpha":3,"n":2})"});
  CHECK(sent(files, "heat", {.over = files.write("t.jsonl", "[1,2]\n{\"index\":0,\"input\":[3,4],\"result\":1}\n")}) ==
        std::vector<std::string>{R"({"alpha":1,"n":2})", R"({"alpha":3,"n":4})"});
  CHECK(sent(files, "greet", {.words = {"you", "5", "\"q\"", "a\nb"}}) ==
        std::vector<std::string>{R"("you")", R"("5")", R"("q")", R"("a\nb")"});
}

TEST_CASE("a wrong input is refused with its line, and a wrong function with the nearest word") {
  Files files{"wrong"};
  auto const path = files.write("t.jsonl", "[1,2]\n[1,2,3]\n");
  CHECK_THAT(error_of<TypingError>([&] { sent(files, "heat", {.over = path}); }),
             contains(path + ":2: heat: \"[1,2,3]\" has 1 argument, expected 2: (double alpha, int n)"));
  CHECK_THAT(error_of<TypingError>([&] { sent(files, "heet", {.words = {"1,2"}}); }),
             contains("unknown task 'heet': did you mean 'heat'?"));
}

TEST_CASE("a job file has defaults, tasks, and needs by name") {
  Files files{"jobfile"};
  auto const job = files.read(R"(
name = "campaign"
priority = 2
after = [3]
max_fails = 5
[defaults]
ranks = 2
timeout = "1h30m"
memory = "2GiB"
environment = {A = "x", B = 5}
[[task]]
name = "mesh"
function = "heat"
input = {alpha = 0.5, n = 3}
[[task]]
name = "solve"
needs = ["mesh"]
function = "heat"
grid = ["alpha=1:2", "n=7"]
[[task]]
needs = "solve"
command = ["./plot", "--name", "{name}"]
inputs = ["a", "b"]
ranks = 1
)");
  CHECK(job.spec.name == "campaign");
  CHECK(job.spec.priority == 2);
  CHECK(job.spec.after == std::vector<std::uint64_t>{3});
  CHECK(job.spec.max_fails == 5);
  REQUIRE(job.spec.kinds.size() == 2);
  CHECK(job.spec.kinds[0].ranks == 2);
  CHECK(job.spec.kinds[0].timeout == 5400);
  CHECK(job.spec.kinds[0].memory == std::int64_t{2} << 30);
  CHECK(job.spec.kinds[0].environment == std::map<std::string, std::string>{{"A", "x"}, {"B", "5"}});
  CHECK(job.spec.kinds[1].ranks == 1);
  CHECK(job.spec.kinds[1].command.front() == (files.service.directory() / "plot").string());
  CHECK(job.spec.kinds[1].directory == files.service.directory());
  REQUIRE(job.tasks.size() == 5);
  CHECK(job.tasks[0].name == "mesh");
  CHECK(job.tasks[0].input == R"({"alpha":0.5,"n":3})");
  CHECK(job.tasks[1].name == "solve.0");
  CHECK(job.tasks[2].needs == std::vector<std::uint32_t>{0});
  CHECK(job.tasks[3].needs == std::vector<std::uint32_t>{1, 2});
  CHECK(job.tasks[4].input == R"({"name":"b"})");
  CHECK(job.tasks[4].kind == 1);
}

TEST_CASE("a task of a program may have no inputs") {
  Files files{"noinputs"};
  auto const job = files.read("[[task]]\ncommand = [\"true\"]\n");
  CHECK(job.tasks.at(0).input == "null");
  CHECK(job.spec.kinds.at(0).command == std::vector<std::string>{"true"});
}

TEST_CASE("what is wrong in a job file is told with line and column") {
  Files files{"jobfile-errors"};
  CHECK_THAT(files.error("name = \n"), contains(":1:"));
  CHECK(files.error("nmae = \"x\"\n") == ":1:1: unknown key 'nmae': did you mean 'name'?");
  CHECK(files.error("name = \"x\"\n") == ": there is no [[task]]");
  CHECK(files.error("priority = \"high\"\n").starts_with(":1:12: priority: 'high' was given, a number from "));
  CHECK(files.error("[[task]]\nfunction = \"heat\"\nrank = 2\n") == ":3:1: unknown key 'rank': did you mean 'ranks'?");
  CHECK(files.error("[[task]]\nfunction = \"heat\"\ntimeout = \"soon\"\n") ==
        R"(:3:11: timeout: 'soon' was given, a time above 0, as 90, "10m" or "1h30m", is expected)");
  CHECK_THAT(files.error("\n[[task]]\nname = \"x\"\n"),
             contains(":2:1: task: the task has neither a function nor a command"));
  CHECK_THAT(files.error("[[task]]\nfunction = \"haet\"\ninput = [1, 2]\n"),
             contains(":1:1: task: unknown task 'haet': did you mean 'heat'?"));
  CHECK_THAT(files.error("[[task]]\nfunction = \"heat\"\ninput = [1]\n"),
             contains("expected 2: (double alpha, int n)"));
  CHECK_THAT(files.error("[[task]]\nfunction = \"heat\"\n"), contains("heat wants inputs, and there are none"));
  CHECK_THAT(files.error("[[task]]\ncommand = [\"true\"]\ninput = 1\n"), contains("the command has no field"));
  CHECK_THAT(files.error("[defaults]\ninput = 1\n"), contains(":2:9: input: is a key of a [[task]]"));
  auto const two =
      std::string{"[[task]]\nname = \"a\"\ncommand = [\"true\"]\n[[task]]\nname = \"b\"\ncommand = [\"true\"]\n"};
  CHECK_THAT(files.error(two + "needs = [\"aa\"]\n"),
             contains(":4:1: task: needs: unknown task 'aa': did you mean 'a'?"));
  CHECK_THAT(files.error(two + "needs = [\"b\"]\n"), contains("the task 'b' needs itself"));
  CHECK_THAT(files.error(two + "[[task]]\nname = \"a\"\ncommand = [\"true\"]\n"),
             contains("another task has the name 'a'"));
}

TEST_CASE("a path of a program is relative to the directory in which its tasks run") {
  CHECK(program_from("./solver", "/srv/run") == "/srv/run/solver");
  CHECK(program_from("solver", "/srv/run") == "solver");
  CHECK(program_from("/bin/sh", "/srv/run") == "/bin/sh");
  CHECK(program_from("./{which}", "/srv/run") == "./{which}");
  CHECK(absolute_directory("/srv/run/../x/") == "/srv/x");
}

TEST_CASE("fields that the server or the rank fills in are no columns of the inputs") {
  ProgramTemplate const text{{.command = {"x", "{a}", "{job}.{task}", "{ranks}"}, .environment = {{"A", "{b}"}}},
                             {"job", "task"}};
  CHECK(text.columns() == std::vector<std::string>{"a"});
  CHECK(to_json(text.task().read({.input = "5", .texts = {"5"}}).input) == R"({"a":5})");
  auto const program = text.filled({"5"}, {{"job", "7"}, {"task", "{2}"}});
  CHECK(program.command == std::vector<std::string>{"x", "5", "7.{{2}}", "{ranks}"});
  CHECK(program.environment == std::map<std::string, std::string>{{"A", "{{b}}"}});
  CHECK(text.filled({"5"}).command[2] == "{job}.{task}");
}
