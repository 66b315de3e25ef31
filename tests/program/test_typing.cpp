// Wrong command lines are answered at once, in one line, without MPI.
#include "tests/program/run_command.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <utility>

namespace {

void check_answer(Outcome const& outcome, int status, std::string const& answer) {
  CHECK(outcome.status == status);
  CHECK(outcome.out.empty());
  CHECK(outcome.err == "farm: " + answer + "\n");
}

}  // namespace

TEST_CASE("a typing error is answered with the nearest word") {
  check_answer(farm("mpa calc 1"), 2, "unknown subcommand 'mpa': did you mean 'map'?");
  check_answer(farm("Doctor"), 2, "unknown subcommand 'Doctor': did you mean 'doctor'?");
  check_answer(farm("map clac 1"), 2, "unknown task 'clac': did you mean 'calc'?");
  check_answer(farm("map calc 1 --ranks-per-taks 2"), 2,
               "unknown option '--ranks-per-taks': did you mean '--ranks-per-task'?");
  check_answer(farm("map calc 1 --ranks=2"), 2, "unknown option '--ranks': did you mean '--ranks-per-task'?");
  check_answer(farm("--versoin"), 2, "unknown option '--versoin': did you mean '--version'?");
}

TEST_CASE("a word without a near match is answered with the list of known words") {
  check_answer(farm("frobnicate"), 2,
               "unknown subcommand 'frobnicate': there are map, run, tasks, doctor, report, completion, man, demo");
  check_answer(farm("map frobnicate 1"), 2, "unknown task 'frobnicate': there are calc, heat, julia");
  check_answer(
      farm(""), 2,
      "no subcommand was given; choose one of map, run, tasks, doctor, report, completion, man, demo; see farm --help");
}

TEST_CASE("a flag takes no value") {
  check_answer(farm("map calc 1 --json=yes"), 2, "--json takes no value; see farm map --help");
  check_answer(farm("tasks --json=1"), 2, "--json takes no value; see farm tasks --help");
}

TEST_CASE("an option without a near match gets no suggestion") {
  check_answer(farm("map calc 1 --bogus"), 2, "unknown option '--bogus'; see farm map --help");
  check_answer(farm("map calc 1 --color"), 2, "unknown option '--color'; see farm map --help");
}

TEST_CASE("farm help is the help, of all commands or of one, with the exit statuses") {
  CHECK(farm("help").out == farm("--help").out);
  CHECK(farm("help map").out == farm("map --help").out);
  CHECK_THAT(farm("help map").out, contains("Exit status: 0"));
  check_answer(farm("help mpa"), 2, "unknown subcommand 'mpa': did you mean 'map'?");
}

TEST_CASE("too many or too few words are refused") {
  check_answer(farm("map"), 2, "TASK is required; see farm map --help");
  check_answer(farm("map calc"), 2,
               "no inputs for calc: write them after its name, or name a file of inputs with --over");
  check_answer(farm("tasks calc"), 2, "'calc' was not expected; see farm tasks --help");
  check_answer(farm("tasks -- calc"), 2, "'calc' was not expected");
}

TEST_CASE("numbers that are not above zero are refused") {
  check_answer(farm("map calc 1 --ranks-per-task 0"), 2,
               "--ranks-per-task: '0' was given, a number above 0 is expected; see farm map --help");
  check_answer(farm("map calc 1 --max-ranks -3"), 2,
               "--max-ranks: '-3' was given, a number above 0 is expected; see farm map --help");
  check_answer(farm("map calc 1 --max-ranks 3000000000"), 2,
               "--max-ranks: '3000000000' was given, which is too large; see farm map --help");
  check_answer(farm("map calc 1 --max-ranks 2x"), 2,
               "--max-ranks: '2x' was given, a number above 0 is expected; see farm map --help");
}

TEST_CASE("an argument that does not parse is named, with the expected type") {
  check_answer(farm("map calc 1 two"), 1, "calc: argument 1 is \"two\": expected int");
  check_answer(farm("map calc 1.5"), 1, "calc: argument 1 is \"1.5\": expected int");
  check_answer(farm("map calc 3000000000"), 1,
               "calc: argument 1 is \"3000000000\": 3000000000 is out of the range of int");
  check_answer(farm("map calc '[1]'"), 1, "calc: argument 1 is \"[1]\": expected int");
  check_answer(farm("map heat 0.5,many"), 1, "heat: argument 2 (n) of \"0.5,many\" is \"many\": expected int");
  check_answer(farm("map heat 0.5"), 1, "heat: \"0.5\" has 1 argument, expected 2: (double alpha, int n)");
  std::ofstream{"inputs.txt"} << "1\n\nx\n";
  check_answer(farm("map calc --over inputs.txt"), 1, "inputs.txt:3: calc: argument 1 is \"x\": expected int");
}

TEST_CASE("files and directories that cannot be used are named") {
  check_answer(farm("map calc --over absent.txt"), 1, "--over absent.txt: No such file or directory");
  check_answer(farm("map calc --csv absent.csv"), 1, "--csv absent.csv: No such file or directory");
  check_answer(farm("map calc --over ."), 1, "--over .: Is a directory");
  check_answer(farm("map calc 1 --stage absent"), 1,
               "--stage: the stage directory " + run("pwd -P").out.substr(0, run("pwd -P").out.size() - 1) +
                   "/absent cannot be used: there is no such directory");
}

TEST_CASE("help and version need no MPI and are not errors") {
  for (auto const* const of : {"", "map ", "tasks ", "doctor ", "demo "}) {
    CAPTURE(of);
    auto const outcome = farm(std::string{of} + "--help");
    CHECK(outcome.status == 0);
    CHECK_THAT(outcome.out, contains(std::string{"Usage: farm "} + of));
    CHECK(outcome.err.empty());
  }
  auto const version = farm("--version");
  CHECK(version.status == 0);
  CHECK(version.out == "farm " FARM_VERSION "\n");
}

TEST_CASE("under mpiexec -n K, every command prints once, with the exit status that it has alone") {
  auto const in = [](std::string const& arguments) {
    return run(FARM_MPIEXEC " --bind-to none -n 3 -host localhost:3 " FARM_PROGRAM " " + arguments);
  };
  CHECK(farm("map calc 1 --trace trace.json").status == 0);
  for (auto const* const arguments : {"tasks", "tasks --json", "--help", "--version", "help map", "doctor --settings",
                                      "report trace.json", "map calc 1 --dry-run", "completion bash", "man"}) {
    CAPTURE(arguments);
    auto const once = in(arguments);
    CHECK(once.status == 0);
    CHECK(once.out == farm(arguments).out);
    CHECK(once.complaints().empty());
  }
  for (auto const& [arguments, status] :
       {std::pair{"map clac 1", 2}, {"map calc 1 --bogus", 2}, {"map calc x", 1}, {"report absent.json", 1}}) {
    CAPTURE(arguments);
    auto const once = in(arguments);
    CHECK(once.status == status);
    CHECK(once.complaints() == farm(arguments).complaints());
  }
}

TEST_CASE("a completion script completes commands, options, tasks and files") {
  std::ofstream{"complete.sh"} << "source <(\"$1\" completion bash)\n"
                                  "try() { COMP_WORDS=(farm \"$@\"); COMP_CWORD=$#; _complete_farm; "
                                  "echo \"${COMPREPLY[*]}\"; }\n"
                                  "try ma; try map ca; try map calc --unor; try map calc file; try doctor --js\n";
  CHECK(run("bash complete.sh " FARM_PROGRAM).out == "map man\ncalc\n--unordered\n\n--json\n");
  CHECK_THAT(farm("completion zsh").out, contains("#compdef farm\n") && contains("compadd calc heat julia"));
  CHECK_THAT(farm("completion fish").out,
             contains("complete -c farm -n '__fish_seen_subcommand_from map' -l unordered -d 'Print results as soon"));
  check_answer(farm("completion tcsh"), 2, "unknown shell 'tcsh': there are bash, zsh, fish");
}

TEST_CASE("the manual page has every command and option, and no error of its language") {
  CHECK_THAT(farm("man").out, contains(".TH \"farm\" 1") && contains(".SH map") && contains("\\-\\-unordered"));
  auto const shown =
      run("command -v groff >/dev/null || exit 0; " FARM_PROGRAM " man | groff -man -Tutf8 -ww >page.txt");
  CHECK(shown.status == 0);
  CHECK(shown.err.empty());
}

TEST_CASE("tasks are listed with their types") {
  CHECK(farm("tasks").out ==
        "calc(int) -> (int, int, int)\n"
        "heat(double alpha, int n) -> (double, double, double)\n"
        "julia(int, int, int, int) -> list of uint8\n");
  CHECK(lines(farm("tasks --json").out).front() ==
        R"_({"name":"calc","arguments":["int"],"result":"(int, int, int)"})_");
}
