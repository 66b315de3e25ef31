#pragma once

#include <farm/detail/code_address.hpp>
#include <farm/detail/span.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

/// The messages between the master, the ranks and the guards. core/task/README.md specifies the format: its table is
/// the source for the numbers, the ids and the payloads.
namespace farm::detail {

enum class FrameType : std::uint8_t {
  // master to rank
  task = 1,
  leave = 2,
  initialize = 3,
  form = 4,
  dissolve = 5,
  assign = 6,
  // rank to master; the master sends `ring`, too
  value = 16,
  error = 17,
  prepared = 18,
  staged = 19,
  progress = 20,
  times = 21,
  ring = 22,
  socket = 23,
  wake = 24,
  // master to guard
  end = 32,
  stop = 34,
  recall = 35,
  // guard to master
  output = 48,
  exited = 49,
  recalled = 50,
  // between a SocketInterface and its peer
  message = 64,
};

struct FrameHeader {
  std::uint32_t size = 0;  ///< of the payload, which follows the header
  std::uint8_t version = 1;
  FrameType type{};
  std::uint16_t flags = 0;  ///< what they mean depends on the type: see answer_flags
  std::uint64_t id = 0;     ///< what it identifies depends on the type
};
static_assert(sizeof(FrameHeader) == 16);

/// A frame in a buffer that the caller owns.
struct Frame {
  FrameType type{};
  std::uint64_t id = 0;
  std::string_view payload;
  std::uint16_t flags = 0;
};

/// The flags of a task frame. The numbers are part of the wire format.
namespace task_flags {
inline constexpr std::uint16_t staged_call = 1;   ///< in place of the packed call, there is the handle of its bytes
inline constexpr std::uint16_t has_settings = 2;  ///< packed TaskSettings precede the call
}  // namespace task_flags

/// The flags of a value or error frame. The numbers are part of the wire format.
namespace answer_flags {
inline constexpr std::uint16_t used_comm = 1;     ///< the task took its MPI_Comm, so it may have left messages there
inline constexpr std::uint16_t worn_out = 2;      ///< the rank should be replaced: its tasks have used up what MPI has
inline constexpr std::uint16_t staged_value = 4;  ///< in place of the value, there is the handle of its bytes
}  // namespace answer_flags

/// Which ranks of a group send the value that a task returns. The numbers are part of the wire format.
enum class WantValue : std::uint8_t {
  none = 0,
  rank_0 = 1,
  all_ranks = 2,
};

/// The start of the payload of a task or initialize frame; the packed call follows.
struct TaskHeader {
  std::uint64_t module = 0;  ///< of the invoker's CodeAddress
  std::uint64_t offset = 0;  ///< of the invoker's CodeAddress
  std::uint32_t attempt = 1;
  std::uint32_t comm_epoch = 0;  ///< If it is new for this slot, the ranks make the communicator anew before the call.
  std::uint16_t comm_slot = 0;
  WantValue want_value = WantValue::none;
  std::uint8_t traced = 0;  ///< 1: the rank sends a times frame before its answer
  std::uint32_t reserved2 = 0;
};
static_assert(sizeof(TaskHeader) == 32);

/// The group that static ranks form, and the process settings of its tasks.
struct Form {
  std::uint64_t group = 0;
  std::vector<int> ranks;         ///< the group's ranks, numbered as in the communicator of all static ranks
  std::string working_directory;  ///< empty: unchanged
  std::map<std::string, std::string> environment;  ///< variables that are added
  std::string output_prefix;                       ///< of the paths of output files; empty: none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(group, ranks, working_directory, environment, output_prefix);
  }
};

/// The process settings of one task.
struct TaskSettings {
  std::string directory;                           ///< empty: unchanged
  std::map<std::string, std::string> environment;  ///< variables that are added
  std::string output;                              ///< a FieldText: the path of the output file; empty: none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(directory, environment, output);
  }
};

/// The cores and devices that a rank has for itself.
struct Assignment {
  std::vector<int> processors;  ///< logical processors of the rank's host; empty: the rank is not bound
  std::vector<int> devices;     ///< numbers of devices of the rank's host; empty: the environment stays as it is

  template <class Archive>
  void serialize(Archive& archive) {
    archive(processors, devices);
  }
};

/// The start of the payload of a value or error frame.
struct AnswerHeader {
  std::uint64_t run_nanoseconds = 0;  ///< the time spent in the call
};

/// What a rank reports of a traced task. Times are nanoseconds of CLOCK_MONOTONIC of the rank's host.
struct TaskTimes {
  std::int64_t started = 0;
  std::int64_t ended = 0;
  std::vector<SpanRecord> spans;  ///< of work within the task

  template <class Archive>
  void serialize(Archive& archive) {
    archive(started, ended, spans);
  }
};

/// Returns the key of a task on its group. `index` is its number, from 0, among the tasks that the group was sent.
[[nodiscard]] constexpr std::uint64_t task_key(std::uint64_t group, std::uint64_t index) {
  return group << 32U | (index & 0xffffffffU);
}
/// Returns true if both keys are of one group.
[[nodiscard]] constexpr bool of_same_group(std::uint64_t key, std::uint64_t other) {
  return key >> 32U == other >> 32U;
}
/// Returns the lowest 32 bits of the index in a key.
[[nodiscard]] constexpr std::uint32_t index_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

/// How a rank ended, as its guard reports it.
struct ExitReport {
  std::int32_t signal = 0;  ///< the signal that killed the rank; 0: it exited
  std::int32_t status = 0;
  std::uint8_t left = 0;   ///< 1: it left as the master asked, with MPI finalized
  std::uint8_t ended = 0;  ///< 1: the master told the guard to kill it
  std::uint8_t early = 0;  ///< 1: it ended before its Runtime was made
  std::int64_t peak_kibibytes = 0;
  std::string note;  ///< the last message of the rank, such as "MPI_Abort with code 3"

  template <class Archive>
  void serialize(Archive& archive) {
    archive(signal, status, left, ended, early, peak_kibibytes, note);
  }
};

/// Thrown if the bytes of a stream are not frames of this protocol. The receiver closes the stream.
class ProtocolError : public std::runtime_error {
  using runtime_error::runtime_error;
};

/// The largest payload, in bytes.
inline constexpr std::size_t max_frame_size = std::size_t{1} << 30U;

/// Appends a frame whose payload is `head` (any trivially copyable struct, or nothing) and `tail`. Throws
/// SerializationError if the payload is larger than max_frame_size.
void append_frame(Bytes& out, FrameType type, std::uint64_t id, void const* head, std::size_t head_size,
                  std::string_view tail, std::uint16_t flags = 0);

inline void append_frame(Bytes& out, FrameType type, std::uint64_t id = 0, std::string_view payload = {}) {
  append_frame(out, type, id, nullptr, 0, payload);
}

/// Returns the next whole frame of `buffer` and removes it from there; none if more bytes are needed. `*needed` is set
/// to the size of the frame with its header, or to 0 if the header is not complete. Throws ProtocolError.
[[nodiscard]] std::optional<Frame> next_frame(std::string_view& buffer, std::size_t* needed = nullptr);

/// Returns the trivially copyable struct at the start of a payload and removes it from there. Throws ProtocolError if
/// the payload is too short.
template <class T>
[[nodiscard]] T take(std::string_view& payload) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (payload.size() < sizeof(T)) throw ProtocolError("frame shorter than its type needs");
  T value;
  std::memcpy(&value, payload.data(), sizeof value);
  payload.remove_prefix(sizeof value);
  return value;
}

}  // namespace farm::detail
