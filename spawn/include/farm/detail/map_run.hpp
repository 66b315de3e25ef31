#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/completion_queue.hpp>
#include <farm/detail/deadline.hpp>
#include <farm/detail/engine.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <vector>

namespace farm::detail {

/// Throws UsageError where one is out of range.
void check_map_options(MapOptions const& options);

/// What was taken of the inputs at once.
struct PackedChunk {
  PackedCall call;
  std::int64_t inputs = 0;
  std::exception_ptr not_packed = nullptr;  ///< of the input that follows these, which is taken too
  std::exception_ptr broken = nullptr;      ///< what an iterator threw; no inputs follow
  bool ended = false;
};

/// The inputs of a map, as calls.
class ChunkSource {
 public:
  ChunkSource() = default;
  ChunkSource(ChunkSource const&) = delete;
  ChunkSource& operator=(ChunkSource const&) = delete;
  virtual ~ChunkSource() = default;

  /// Takes `limit` inputs, or what there is before the end or an error. `first` of them were taken before.
  virtual PackedChunk take(std::int64_t first, std::int64_t limit) = 0;
};

/// SerializationError for the exception that is being handled, which left the packing of this input.
[[nodiscard]] std::exception_ptr packing_failure(std::int64_t input);

/// A map on its way: takes inputs, submits them by chunks, and gives the chunks' results. For one thread at a time.
class MapRun {
 public:
  /// Submits nothing yet. Throws UsageError where an option is out of range.
  MapRun(std::shared_ptr<Engine> engine, CodeAddress code, std::unique_ptr<ChunkSource> inputs, MapOptions options);
  MapRun(MapRun const&) = delete;
  MapRun& operator=(MapRun const&) = delete;
  /// Cancels what has not started.
  ~MapRun();

  /// Takes the first inputs; without a buffersize all, and then throws what their iterators throw.
  void begin();

  /// The next chunk, with its packed results; null at the end. Blocks. Throws the error of a chunk, of an input or of
  /// the iterators once, after which it goes on; and TimeoutError, after which it stands where it was.
  [[nodiscard]] StatePtr next_chunk();

  /// One result of the chunk was given: room for an input. What of its results is never given counts at the next chunk.
  void result_given();

  /// Inputs taken so far.
  [[nodiscard]] std::size_t taken() const { return static_cast<std::size_t>(taken_); }

  /// The chunks that are left, which it will not cancel any more.
  [[nodiscard]] std::vector<StatePtr> release();

 private:
  struct Chunk {
    StatePtr state;  ///< null once it was given
    std::int64_t inputs = 0;
  };

  [[nodiscard]] bool has_room() const;
  void take_inputs();
  void take_chunk();
  void refill();
  void add(StatePtr state, std::int64_t inputs);
  [[nodiscard]] std::size_t wait_for_chunk();
  [[nodiscard]] Chunk pop(std::size_t index);
  [[noreturn]] void throw_timeout() const;
  void report() const;

  std::shared_ptr<Engine> engine_;
  CodeAddress code_;
  std::unique_ptr<ChunkSource> inputs_;  // null at their end
  MapOptions options_;
  std::int64_t chunksize_;
  Deadline deadline_;

  std::deque<Chunk> chunks_;
  std::size_t popped_ = 0;  // from the front of chunks_
  CompletionQueue completed_;
  std::exception_ptr input_error_;

  std::int64_t taken_ = 0;
  std::int64_t given_ = 0;
  std::int64_t current_ = 0;  // results of the last chunk that were not given
  std::int64_t done_ = 0;
};

}  // namespace farm::detail
