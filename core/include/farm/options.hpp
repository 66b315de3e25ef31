#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

namespace farm {

/// How one task is run: `submit(TaskOptions{.priority = 1}, f, args...)`.
///
/// The directory, environment and output are restored after the task. A Program has its own; in a process that is the
/// master, too (an MPICommExecutor of one rank), a task cannot have them.
struct TaskOptions {
  /// The number of ranks that run the task, at most the pool's max_ranks. 0: the pool's number of ranks per task.
  int ranks = 0;
  /// Tasks of higher priority start first; tasks of equal priority start in order of submission.
  int priority = 0;
  /// How long the task may run, from the moment when its ranks start it. Then the task fails with TimeoutError and is
  /// stopped. A task that takes a TaskContext is first asked to stop, and its group is killed after the pool's grace;
  /// the group of any other task is killed at once. None: no limit.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// Whether cancel() of the task's future also works while the task runs. The task is then stopped in the same way as
  /// after a timeout. Not available in an MPICommExecutor.
  bool cancellable = false;
  /// How often the task runs again after it threw. The future gets the last error.
  int retries = 0;
  /// Whether the task runs again after it has ended a process of its group itself, with exit(), a Fortran STOP or
  /// MPI_Abort. None: as the pool's option of the same name says. After a signal or the loss of a host, a task always
  /// runs again, up to the pool's max_losses.
  std::optional<bool> rerun_after_exit{};
  /// The threads of each rank. The rank has so many cores of its host for itself, is bound to them, and finds their
  /// number in OMP_NUM_THREADS unless the user has set it. 0: the pool's number.
  int threads = 0;
  /// The GPUs of each rank, which no other rank has meanwhile. The rank sees only them, by CUDA_VISIBLE_DEVICES,
  /// HIP_VISIBLE_DEVICES and ZE_AFFINITY_MASK. None: the pool's number.
  std::optional<int> gpus{};
  /// The memory of each rank, in bytes: 2_GiB. Tasks wait until their host has so much that no other task has asked
  /// for. Nothing keeps a task from using more. None: as the pool says.
  std::optional<std::int64_t> memory{};
  /// Named resources of the task, whatever the number of its ranks: {{"licence", 1}}. FARM_RESOURCES says how many
  /// there are in the run. They are added to those of the pool; 0 takes away what the pool says.
  std::map<std::string, std::int64_t> resources{};
  /// The number of lost groups after which the task fails with GroupLost. 0: as the pool's option of the same name
  /// says.
  int max_losses = 0;
  /// The working directory of the task, on each of its ranks, which must exist on their hosts. A relative path is
  /// relative to that of the rank. Empty: that of the rank.
  std::string directory{};
  /// Variables that the environment of each rank has while the task runs, beside its own. OMP_NUM_THREADS also sets the
  /// number of threads of OpenMP.
  std::map<std::string, std::string> environment{};
  /// The file that gets what the task prints on its standard output and error, after what the file has already. Fields
  /// are filled in: {rank}, {task}, {attempt}, {ranks} and {host}; {{ and }} stand for braces. All ranks, and all
  /// tasks, whose paths are the same share a file. A relative path is relative to `directory`. Nothing of it goes to
  /// the output of the pool. Empty: the output goes where that of the rank goes.
  std::string output{};
  /// What errors and the trace call the task, beside its number. Need not be unique. Empty: no name.
  std::string name{};
};

/// What submit() does if a pool has as many tasks as its QueueLimit allows.
enum class WhenFull : std::uint8_t {
  wait,    ///< Blocks until a task is done. In a callback of a future, which must not block, submit() refuses instead.
  refuse,  ///< Throws QueueFull.
};

/// How many tasks of a pool may be queued or running at once, which bounds the memory that they take.
struct QueueLimit {
  std::size_t tasks = 0;                ///< 0: no limit. A chunk of a map is one task.
  WhenFull when_full = WhenFull::wait;  ///< What submit() does at the limit.
};

/// Marks a task whose future holds the results of all ranks, in rank order: `submit(all_ranks, f, args...)`, or
/// `submit(all_ranks(TaskOptions{...}), f, args...)`.
struct AllRanks {
  TaskOptions options{};  ///< How the task is run.
  /// Returns a mark with these options.
  AllRanks operator()(TaskOptions task_options) const { return {std::move(task_options)}; }
};
/// The AllRanks with default options.
inline AllRanks const all_ranks{};

/// The progress of a map, counted in inputs.
struct Progress {
  std::size_t done = 0;     ///< inputs whose results or errors have arrived
  std::size_t total = 0;    ///< all inputs; with a buffersize, the inputs taken so far
  std::size_t failed = 0;   ///< of those done, the inputs that failed; all inputs of a chunk that failed
  std::size_t running = 0;  ///< inputs of the chunks that run now, looked at every 0.2 s at most
};

/// The options of map and starmap, given as their last argument. The call throws UsageError if one is out of range.
struct MapOptions {
  /// The number of inputs that travel in one message and run one after the other on one group. At least 1.
  std::int64_t chunksize = 1;
  /// The time limit of the whole map, from its call. Then waiting for a result throws TimeoutError; tasks that have
  /// started go on.
  std::optional<std::chrono::nanoseconds> timeout{};
  /// Whether the results come in the order in which they arrive, instead of the order of the inputs.
  bool unordered = false;
  /// The number of inputs that are taken ahead of the results that were handed out. A chunk holds no more inputs than
  /// this. 0: the call takes all inputs.
  std::int64_t buffersize = 0;
  /// Tasks of higher priority start first. 0: as `task` says.
  int priority = 0;
  /// Once so many inputs have failed, the map starts no further tasks: the inputs that have not started fail with
  /// TooManyFailures. Tasks that their group has got already still run. If a chunk fails, all of its inputs have
  /// failed, unless the map collects errors. With a buffersize the map takes no further inputs either, and throws that
  /// error at its end. 0: no limit.
  std::int64_t max_fails = 0;
  /// Called on the calling thread when results arrive, each second while it waits for one, and at the end.
  std::function<void(Progress const&)> progress{};
  /// How each task of the map is run: its ranks, time limit, retries and so on. A task is one chunk of inputs. A name
  /// is followed by the index of the task's first input: "sim 37".
  TaskOptions task{};
};

/// The options of submit_batch, given as its last argument. The call throws UsageError if one is out of range.
struct BatchOptions {
  /// Once so many tasks have failed, the batch takes no further inputs and ends with TooManyFailures. Tasks that it has
  /// submitted and that have not started fail with that error, too. 0: no limit.
  std::int64_t max_fails = 0;
  /// How each task of the batch is run.
  TaskOptions task{};
};

/// Asks a map for results and errors side by side: `map(f, inputs, collect_errors)`, or
/// `map(f, inputs, collect_errors({.chunksize = 8}))`. The map then yields an Outcome<R> for each input, which holds
/// the result or the error, and does not throw the errors of calls.
///
/// An input that fails does not cost the results of the others in its chunk. If a chunk fails as a whole, because its
/// group was lost or its time limit passed, its inputs run again, each as a task of its own. On groups of several ranks
/// and with TaskOptions::retries, each input is a task of its own from the start.
struct CollectErrors {
  MapOptions options{};  ///< How the map is run.
  /// Returns a request with these options.
  CollectErrors operator()(MapOptions map_options) const { return {std::move(map_options)}; }
};
/// The CollectErrors with default options.
inline CollectErrors const collect_errors{};

}  // namespace farm
