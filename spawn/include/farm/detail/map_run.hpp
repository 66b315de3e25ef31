#pragma once

#include <farm/detail/chunk_results.hpp>
#include <farm/detail/code_address.hpp>
#include <farm/detail/completion_queue.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/failure_limit.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <vector>

namespace farm::detail {

/// Throws UsageError if an option is out of range.
void check_map_options(MapOptions const& options);

/// Inputs that were taken together, packed as one call.
struct PackedChunk {
  PackedCall call;
  std::int64_t inputs = 0;
  std::size_t head = 0;                     ///< how many bytes of the call precede the inputs
  std::exception_ptr not_packed = nullptr;  ///< why the input after these, taken too, could not be packed
  std::exception_ptr broken = nullptr;      ///< what an iterator threw; no inputs follow
  bool ended = false;                       ///< the inputs are at their end
};

/// The inputs of a map, packed as calls.
class ChunkSource {
 public:
  ChunkSource() = default;
  ChunkSource(ChunkSource const&) = delete;
  ChunkSource& operator=(ChunkSource const&) = delete;
  virtual ~ChunkSource() = default;

  /// Takes the next `limit` inputs, or fewer if the end or an error comes first. `first` inputs were taken before.
  /// `in_parts` is set for a chunk that collects errors.
  virtual PackedChunk take(std::int64_t first, std::int64_t limit, bool in_parts) = 0;
};

/// Returns a SerializationError about this input, made from the exception that is being handled. Call it in a handler
/// of an exception that was thrown while the input was packed.
[[nodiscard]] std::exception_ptr packing_failure(std::int64_t input);

/// The invokers of a map's chunks.
struct MapCode {
  CodeAddress chunk{};
  std::optional<CodeAddress> collecting{};  ///< of chunks that collect errors; set if the map does
};

/// A map in progress: takes inputs, submits them in chunks, and returns the results of the chunks. One thread at a time
/// may use it.
class MapRun {
 public:
  /// Submits nothing yet. Throws UsageError if an option is out of range.
  MapRun(std::shared_ptr<Engine> engine, MapCode code, std::unique_ptr<ChunkSource> inputs, MapOptions options);
  MapRun(MapRun const&) = delete;
  MapRun& operator=(MapRun const&) = delete;
  /// Cancels the tasks that have not started.
  ~MapRun();

  /// Takes and submits the first inputs. Without a buffersize these are all inputs, and begin() throws what their
  /// iterators throw.
  void begin();

  /// Blocks until the next chunk is done, and returns its state, which holds its packed results; returns a null state
  /// at the end. Throws each error of a chunk, an input or an iterator once; the next call goes on with the next chunk.
  /// A map that collects errors returns the states of failed chunks and inputs instead. Throws TimeoutError at the
  /// deadline; the next call waits for the same chunk.
  [[nodiscard]] ChunkState next_chunk();

  /// Tells the map that the caller has used one result of the last chunk, which makes room for a further input. Results
  /// of that chunk that are still unused when next_chunk() is called count as used.
  void result_given();

  /// Returns the number of inputs taken so far.
  [[nodiscard]] std::size_t taken() const { return static_cast<std::size_t>(taken_); }

  /// Returns the states of the chunks that are left. The map no longer cancels them.
  [[nodiscard]] std::vector<StatePtr> release();

 private:
  struct Chunk {
    StatePtr state;  ///< null once it was returned
    std::int64_t inputs = 0;
    // Of a chunk in parts, whose inputs run one by one if it fails as a whole:
    std::int64_t first = 0;
    std::size_t head = 0;
    std::vector<std::shared_ptr<void>> keepers{};
  };

  [[nodiscard]] bool has_room() const;
  void take_inputs();
  void take_chunk();
  void end_inputs_if_stopped();
  void refill();
  void add(Chunk chunk);
  [[nodiscard]] StatePtr submit(PackedCall call, std::int64_t first, std::int64_t inputs);
  [[nodiscard]] bool split(Chunk& chunk);
  [[nodiscard]] std::size_t wait_for_chunk();
  [[nodiscard]] Chunk pop(std::size_t index);
  [[noreturn]] void throw_timeout() const;
  void report();
  void count_failed(Chunk const& chunk);
  void count_running(Clock::time_point now);
  [[nodiscard]] std::optional<std::size_t> wait_for_chunk_until(Deadline deadline);

  std::shared_ptr<Engine> engine_;
  MapCode code_;
  bool in_parts_ = false;                // chunks collect errors on the rank
  std::unique_ptr<ChunkSource> inputs_;  // null at the end
  MapOptions options_;
  std::int64_t chunksize_;
  Deadline deadline_;

  std::deque<Chunk> chunks_;
  std::size_t popped_ = 0;  // chunks removed from the front of chunks_
  CompletionQueue completed_;
  std::exception_ptr input_error_;
  std::shared_ptr<FailureLimit> limit_;  // null: none

  std::int64_t taken_ = 0;
  std::int64_t given_ = 0;
  std::int64_t current_ = 0;  // unused results of the last chunk
  std::int64_t done_ = 0;
  std::int64_t failed_ = 0;
  std::int64_t running_ = 0;
  Clock::time_point looked_{};  // when running_ was counted
};

}  // namespace farm::detail
