#pragma once

#include <string>

namespace farm::detail {

/// Makes OpenMP use so many threads in this process from now on, if it is linked with OpenMP, which has read
/// OMP_NUM_THREADS when the process started. `text` is a value of that variable: of a list, the first number counts.
/// Restores the number that was used before when it is destroyed.
class OpenMpThreads {
 public:
  explicit OpenMpThreads(std::string const& text);
  OpenMpThreads(OpenMpThreads const&) = delete;
  OpenMpThreads& operator=(OpenMpThreads const&) = delete;
  ~OpenMpThreads();

 private:
  int before_ = 0;  ///< 0: nothing was changed
};

}  // namespace farm::detail
