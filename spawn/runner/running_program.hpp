#pragma once

#include "core/base/descriptor.hpp"
#include "spawn/environment/out_of_memory.hpp"
#include "spawn/runner/output_tail.hpp"
#include "spawn/runner/runner_messages.hpp"

#include <sys/types.h>
#include <chrono>
#include <string>

namespace farm::detail {

/// What a runner waits for while a program runs.
struct RunnerEvents {
  int rank = -1;     ///< the socket: readable when the rank says stop, or is gone
  int process = -1;  ///< readable when the rank has ended; -1: the kernel has no pidfd
  int signals = -1;  ///< a signalfd of SIGCHLD
  OutOfMemory* memory = nullptr;
};

/// One program, from its start until nothing of it is left. Used in a runner.
class RunningProgram {
 public:
  /// `output` and `error` are what the program writes to unless `start` says otherwise. All must outlive the object.
  RunningProgram(ProgramStart const& start, RunnerEvents const& events, int output, int error);

  /// Runs the program and returns how it has ended. Nothing of the program is left then.
  [[nodiscard]] ProgramEnd run();
  /// Returns true if the rank was gone when the program ended: nobody wants to know how.
  [[nodiscard]] bool rank_is_gone() const { return rank_is_gone_; }

 private:
  using Clock = std::chrono::steady_clock;

  void open_files();
  void start_process();
  void watch();
  [[nodiscard]] bool is_done() const;
  void heed_rank();
  void stop();
  void collect();
  void collect_main();
  void end_what_holds_launcher() const;
  void read_output();
  void read_errors();
  void forward_errors();
  [[nodiscard]] int milliseconds_to_wait() const;
  [[nodiscard]] std::string last_errors() const;

  ProgramStart const& start_;
  RunnerEvents events_;
  int output_;
  int error_;
  Descriptor input_file_;
  Descriptor output_file_;
  Descriptor error_file_;
  Descriptor output_pipe_;   ///< what is captured is read from here
  Descriptor error_pipe_;    ///< likewise, or forwarded
  std::string unforwarded_;  ///< read from the error pipe, and not yet written to `error_`
  OutputTail output_tail_;
  OutputTail error_tail_;
  pid_t process_ = -1;
  bool has_ended_ = false;
  bool is_stopping_ = false;
  bool rank_is_gone_ = false;
  Clock::time_point begin_{};
  Clock::time_point kill_at_ = Clock::time_point::max();
  ProgramEnd end_;
};

}  // namespace farm::detail
