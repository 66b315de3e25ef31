// A program with tasks of its own, which is its own server: functions whose effects tests can count.
#include <farm/farm.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

void append_line(std::string const& file, std::string const& line) {
  int const out = open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  auto const text = line + "\n";
  bool const is_written = out >= 0 && write(out, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (out >= 0) close(out);
  if (!is_written) throw std::runtime_error("cannot append to " + file);
}

void wait(int milliseconds, farm::TaskContext const& context) {
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds};
  while (!context.stop_requested() && std::chrono::steady_clock::now() < end)
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
}

}  // namespace

/// Returns the number, the size of the group and the rank.
auto calc(int i, farm::Comm const& comm) { return std::tuple{i, comm.size(), comm.rank()}; }
FARM_TASK(calc, "i")

/// Appends a line to the file: which task, which attempt.
int append(std::string const& file, int number, farm::TaskContext& context) {
  if (context.rank() == 0) append_line(file, fmt::format("{} {}", number, context.attempt()));
  return number;
}
FARM_TASK(append, "file", "number")

/// The same, after some time.
int append_late(std::string const& file, int number, int milliseconds, farm::Comm const& comm,
                farm::TaskContext& context) {
  wait(milliseconds, context);
  MPI_Barrier(comm);
  if (context.rank() == 0) append_line(file, fmt::format("{} {}", number, context.attempt()));
  return number;
}
FARM_TASK(append_late, "file", "number", "milliseconds")

/// Waits until the file is there, or it is to stop.
int wait_for(std::string const& file, farm::TaskContext& context) {
  while (!context.stop_requested() && !std::filesystem::exists(file))
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  return static_cast<int>(context.attempt());
}
FARM_TASK(wait_for, "file")

int no_op(int i) { return i; }
FARM_TASK(no_op, "i")

int fail(int i) { throw std::invalid_argument(fmt::format("{} is refused", i)); }
FARM_TASK(fail, "i")

/// Fails as long as the file is not there.
int fail_without(std::string const& file) {
  if (!std::filesystem::exists(file)) throw std::runtime_error("there is no " + file);
  return 1;
}
FARM_TASK(fail_without, "file")

/// Ends its process by a signal, on the first attempt.
int die_once(int i, farm::TaskContext& context) {
  if (context.attempt() == 1) raise(SIGKILL);
  return i;
}
FARM_TASK(die_once, "i")

void say(std::string const& text) { fmt::print("{}\n", text); }
FARM_TASK(say, "text")

farm::Array<double> numbers(int n) {
  std::vector<double> values(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) values[static_cast<std::size_t>(i)] = i;
  return farm::stage(values, farm::Extents{values.size()});
}
FARM_TASK(numbers, "n")

double sum(farm::Array<double> const& array) {
  double total = 0;
  for (double const value : array.read()) total += value;
  return total;
}
FARM_TASK(sum, "array")
