#pragma once

#include <farm/error.hpp>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

namespace farm {

/// How a program that ran as a task has ended. See Program.
struct Exit {
  /// The status that the program exited with. 0 means success. A program that a launcher started has the launcher's
  /// status: mpiexec exits with 128 + N if signal N has ended a rank.
  int status = 0;
  /// The signal that ended the program; 0 if the program exited. The status is 128 + signal then.
  int signal = 0;
  /// How long the program ran, in seconds.
  double seconds = 0;
  /// The memory of the largest process of the program on the host of rank 0, in bytes. Some MiB at least: the process
  /// from which the program starts counts, too. So does a launcher: that of Open MPI 5 keeps what the program has
  /// printed faster than it is read.
  std::int64_t peak_memory = 0;
  /// The end of what the program wrote to its standard output: at most Program::capture bytes.
  std::string output{};
  /// The end of what the program wrote to its standard error: at most Program::capture bytes.
  std::string errors{};
  /// How many bytes the program wrote to its standard output. Only counted if they are captured.
  std::uint64_t output_bytes = 0;
  /// How many bytes the program wrote to its standard error. Not counted if they go to a file.
  std::uint64_t error_bytes = 0;
  /// The name of the host on which the program was started.
  std::string host{};

  /// Returns true if the program exited with status 0.
  [[nodiscard]] bool ok() const noexcept { return status == 0 && signal == 0; }
  /// Returns "exited with status 3" or "was ended by signal 9 (Killed)".
  [[nodiscard]] std::string text() const {
    if (signal == 0) return "exited with status " + std::to_string(status);
    char const* const description = ::strsignal(signal);  // NOLINT(concurrency-mt-unsafe): one text per thread
    return "was ended by signal " + std::to_string(signal) + " (" + (description != nullptr ? description : "?") + ")";
  }
};

/// A program that ran as a task exited with another status than 0, or was ended by a signal. The future's error is a
/// TaskError as well.
class ProgramError : public detail::ErrorOf<std::runtime_error> {
 public:
  /// Constructs an error with this text. For the library itself.
  ProgramError(std::string const& text, Exit how) : ErrorOf(text), exit_(std::move(how)) {}
  /// Returns how the program has ended.
  [[nodiscard]] Exit const& exit() const noexcept { return exit_; }

 private:
  Exit exit_;
};

}  // namespace farm
