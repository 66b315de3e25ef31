#include "spawn/rank/task_output.hpp"

#include "spawn/isolation/watched_calls.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <system_error>

namespace farm::detail {
namespace {

/// Makes `number` refer to the file, and returns a descriptor of what it referred to before.
Descriptor redirect(int number, Descriptor const& file) {
  Descriptor saved{fcntl(number, F_DUPFD_CLOEXEC, 3)};
  dup2(file.get(), number);
  return saved;
}

}  // namespace

std::string task_output_path(std::string const& prefix, std::uint64_t task, std::uint32_t attempt, int rank) {
  return attempt <= 1 ? fmt::format("{}task-{}.rank-{}.txt", prefix, task, rank)
                      : fmt::format("{}task-{}.attempt-{}.rank-{}.txt", prefix, task, attempt, rank);
}

std::string initializer_output_path(std::string const& prefix, std::uint64_t group, int rank) {
  return fmt::format("{}initializer.group-{}.rank-{}.txt", prefix, group, rank);
}

void remove_further_attempts(std::string const& prefix, std::uint64_t task, int rank) {
  std::uint32_t attempt = 2;
  while (unlink(task_output_path(prefix, task, attempt, rank).c_str()) == 0) ++attempt;
}

OutputFile::OutputFile(std::string const& path, Existing existing) {
  // appending, because processes that the task starts may write to the file, too
  int const truncates = existing == Existing::replaced ? O_TRUNC : 0;
  Descriptor const file{open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | truncates, 0644)};
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  saved_out_ = redirect(STDOUT_FILENO, file);
  saved_err_ = redirect(STDERR_FILENO, file);
}

OutputFile::~OutputFile() {
  flush_output();
  dup2(saved_out_.get(), STDOUT_FILENO);
  dup2(saved_err_.get(), STDERR_FILENO);
  forget_output_descriptors();
}

void flush_output() noexcept {
  try {
    std::cout.flush();
  } catch (std::ios_base::failure const&) {  // a task has asked the stream to throw
  }
  std::fflush(stdout);
}

}  // namespace farm::detail
