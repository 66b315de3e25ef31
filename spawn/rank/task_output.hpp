#pragma once

#include "core/base/descriptor.hpp"

#include <cstdint>
#include <string>

namespace farm::detail {

/// Redirects stdout and stderr of this process to a task's output file during its lifetime.
class OutputFile {
 public:
  /// Appends to task-TASK.rank-RANK.txt in `directory`. Throws std::system_error.
  OutputFile(std::string const& directory, std::uint64_t task, int rank);
  OutputFile(OutputFile const&) = delete;
  OutputFile& operator=(OutputFile const&) = delete;
  ~OutputFile();

 private:
  Descriptor saved_out_;
  Descriptor saved_err_;
};

/// Flushes what C and C++ streams have buffered for stdout.
void flush_output();

}  // namespace farm::detail
