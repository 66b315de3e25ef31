#pragma once

#include "spawn/program/input/input_source.hpp"
#include "spawn/program/map/completions.hpp"
#include "spawn/program/map/gathered_results.hpp"
#include "spawn/program/map/map_arguments.hpp"
#include "spawn/program/map/sweep_progress.hpp"
#include "spawn/program/map/sweep_signals.hpp"
#include "spawn/program/results/result_output.hpp"
#include "spawn/program/results/result_record.hpp"
#include "spawn/program/results/tagged_output.hpp"

#include <farm/detail/named_task.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// How many inputs have ended how.
struct SweepCounts {
  std::size_t taken = 0;  ///< inputs
  std::size_t done = 0;   ///< with a value
  std::size_t failed = 0;
  std::size_t ended = 0;  ///< while their tasks ran, because the program was interrupted
};

/// Runs the task of each input, and shows the results. Reads inputs as far as tasks can take them.
class TaskSweep {
 public:
  /// What a sweep works with.
  struct Parts {
    NamedTask const& task;
    NamedTaskPool& pool;
    InputSource& inputs;
    ResultOutput& output;
    SweepSignals& signals;
    std::shared_ptr<Completions> completions;  ///< those of the signals
    TaggedOutput const* tags;                  ///< null: lines have no tags
    GatheredResults* gathered;                 ///< null: results are not gathered
  };
  /// The parts and the arguments must outlive the object. `known_inputs` is the number of inputs; the source may have
  /// more unless `is_complete`.
  TaskSweep(Parts parts, MapArguments const& arguments, std::size_t known_inputs, bool is_complete);

  /// Returns when all tasks have ended. Throws std::system_error if the output cannot be written or the inputs cannot
  /// be read; tasks may still run then.
  void run();

  [[nodiscard]] SweepCounts const& counts() const { return counts_; }
  /// Returns one line: "97 done, 3 failed, 0 not started".
  [[nodiscard]] std::string summary() const;
  /// Returns true if there were inputs, each has its result, and nothing has stopped the sweep.
  [[nodiscard]] bool has_done_all() const { return total() > 0 && counts_.done == total() && !is_stopped(); }

 private:
  /// The inputs of one task: one, or those of a chunk.
  struct Running {
    std::vector<Input> inputs;
    StatePtr state;
  };

  void feed();
  void submit(std::vector<Input> inputs);
  [[nodiscard]] StatePtr submit_call(std::vector<Input> const& inputs);
  void take_ended();
  void take_results(Running const& ended);
  [[nodiscard]] bool split(Running& ended);
  void end(Input const& input, TaskOutcome const& outcome);
  void report_error(Input const& input, std::exception_ptr const& thrown);
  [[nodiscard]] bool is_stopped() const;
  [[nodiscard]] bool has_failed_too_often() const;
  void drain();
  [[nodiscard]] std::size_t total() const { return std::max(known_inputs_, counts_.taken); }
  [[nodiscard]] SweepProgress progress() const;
  void heed_signals();
  void complain_once_cleared(std::string const& text);
  void wait();

  Parts parts_;
  MapArguments const& arguments_;
  std::size_t known_inputs_;
  bool is_complete_;
  SweepBar bar_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::unordered_map<std::uint64_t, Running> running_;  ///< by the index of the first input
  std::size_t inputs_running_ = 0;
  bool waits_for_input_ = false;
  bool inputs_ended_ = false;
  bool is_draining_ = false;
  std::exception_ptr no_groups_;  ///< why no group can be started: later tasks would fail with it, too
  SweepCounts counts_;
};

}  // namespace farm::detail
