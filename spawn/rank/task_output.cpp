#include "spawn/rank/task_output.hpp"

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

OutputFile::OutputFile(std::string const& directory, std::uint64_t task, int rank) {
  auto const path = fmt::format("{}/task-{}.rank-{}.txt", directory, task, rank);
  Descriptor const file{open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  saved_out_ = redirect(STDOUT_FILENO, file);
  saved_err_ = redirect(STDERR_FILENO, file);
}

OutputFile::~OutputFile() {
  flush_output();
  dup2(saved_out_.get(), STDOUT_FILENO);
  dup2(saved_err_.get(), STDERR_FILENO);
}

void flush_output() {
  std::cout.flush();
  std::fflush(stdout);
}

}  // namespace farm::detail
