// $ mpiexec -n 1 -host localhost:5 named_tasks map collatz 7 27 97
// $ named_tasks map collatz 7 27 97 --source launched --hosts localhost:2
//
// A program with a command line of its own and without a main(). FARM_TASK registers a function by its name, and
// farm::main, with which this program is linked, supplies the commands: map, run, tasks, doctor, report.
#include <farm/farm.hpp>

#include <string>
#include <vector>

/// Steps until the sequence n/2, 3n+1 reaches 1. Arguments are read from text, so their types must be readable.
int collatz(std::uint64_t n) {
  int steps = 0;
  for (; n != 1; ++steps) n = n % 2 == 0 ? n / 2 : 3 * n + 1;
  return steps;
}
FARM_TASK(collatz)

/// Parameters that the farm supplies are not given on the command line: named_tasks map repeat 3,"ab"
std::string repeat(int times, std::string const& text, farm::Comm const& comm) {
  std::string result;
  for (int i = 0; i < times * comm.size(); ++i) result += text;
  return result;
}
FARM_TASK(repeat)
