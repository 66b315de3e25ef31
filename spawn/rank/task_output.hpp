#pragma once

#include "core/base/descriptor.hpp"

#include <cstdint>
#include <string>

namespace farm::detail {

/// Returns the path of the output file for one attempt of a task on one rank. `prefix` is what the paths of the pool
/// begin with. WorkerOptions::output_directory describes the names.
[[nodiscard]] std::string task_output_path(std::string const& prefix, std::uint64_t task, std::uint32_t attempt,
                                           int rank);
/// Returns the path of the output file for the initializer on one rank of a group.
[[nodiscard]] std::string initializer_output_path(std::string const& prefix, std::uint64_t group, int rank);

/// Removes the output files that an earlier run has left of further attempts of this task.
void remove_further_attempts(std::string const& prefix, std::uint64_t task, int rank);

/// Redirects stdout and stderr of this process to a file during its lifetime.
class OutputFile {
 public:
  /// What becomes of a file that is there.
  enum class Existing : std::uint8_t { replaced, continued };

  /// Throws std::system_error.
  OutputFile(std::string const& path, Existing existing);
  OutputFile(OutputFile const&) = delete;
  OutputFile& operator=(OutputFile const&) = delete;
  ~OutputFile();

 private:
  Descriptor saved_out_;
  Descriptor saved_err_;
};

/// Flushes what C and C++ streams have buffered for stdout. Ignores errors.
void flush_output() noexcept;

}  // namespace farm::detail
