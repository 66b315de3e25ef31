#include "tests/program/run_command.hpp"

#include <nlohmann/json.hpp>

#include <sys/wait.h>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace {

std::string content(char const* file) {
  std::ostringstream text;
  text << std::ifstream{file}.rdbuf();
  return text.str();
}

}  // namespace

std::vector<std::string> lines(std::string const& text) {
  std::vector<std::string> result;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

std::string inputs_and_results(std::string const& records) {
  std::string text;
  for (auto const& line : lines(records)) {
    auto record = nlohmann::ordered_json::parse(line);
    for (auto const* const name : {"index", "line", "attempts", "seconds"}) record.erase(name);
    text += record.dump() + '\n';
  }
  return text;
}

std::vector<std::string> Outcome::complaints() const {
  auto result = lines(err);
  std::erase_if(result, [](std::string const& line) { return !line.starts_with("farm: "); });
  return result;
}

Outcome run(std::string const& command) {
  std::ofstream{"command.sh"} << command << '\n';
  int const status = std::system("timeout -k 2 30 sh command.sh >out.txt 2>err.txt");
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content("out.txt"), content("err.txt")};
}

std::string in_mpiexec(int slots, std::string const& program) {
  return std::string{FARM_MPIEXEC} + " -n 1 -host localhost:" + std::to_string(slots) + " " + program;
}

Outcome farm(std::string const& arguments) { return run(std::string{FARM_PROGRAM} + " " + arguments); }

Outcome farm_in(int slots, std::string const& arguments) {
  return run(in_mpiexec(slots, std::string{FARM_PROGRAM} + " " + arguments));
}
