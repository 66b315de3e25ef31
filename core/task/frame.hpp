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

/// What the master, the ranks and their guards say to each other; core/README.md describes the format.
namespace farm::detail {

enum class FrameType : std::uint8_t {
  task = 1,        ///< master to rank: TaskHeader, then the packed call
  leave = 2,       ///< master to rank: no more tasks will come
  initialize = 3,  ///< master to rank: TaskHeader, then the packed call of an initializer; answered by prepared
  form = 4,        ///< master to static rank: a packed Form, be one of its group; answered by prepared
  dissolve = 5,    ///< master to static rank: its group is no more
  value = 16,      ///< rank to master: AnswerHeader, then the packed value
  error = 17,      ///< rank to master: AnswerHeader, then a packed Failure
  staged = 19,     ///< rank to master: path of a file that its task has made, before the answer
  progress = 20,   ///< rank to master, during a task: a double, how much of it is done
  times = 21,      ///< rank to master, before the answer to a traced task: packed TaskTimes
  prepared = 18,   ///< rank to master: nothing, or a packed Failure; id is the type of what it answers
  ring = 22,       ///< master to rank: a Ring (spawn/ring.hpp) comes with this; rank to master: go on there
  socket = 23,     ///< in a ring: go on in the socket
  wake = 24,       ///< rank to master: look into the ring
  end = 32,        ///< master to guard: kill the rank
  stop = 34,       ///< master to guard: the task is to stop; id is its task_key
  recall = 35,     ///< master to guard: tasks not begun yet are not to be; id is the task_key of the first sent later
  output = 48,     ///< guard to master: whole lines that the rank printed; id is 1 (stdout) or 2 (stderr)
  exited = 49,     ///< guard to master: packed ExitReport; the last frame of a lifeline
  recalled = 50,   ///< guard to master: id is the task_key of the first task that will not be begun
  message = 64,    ///< between a SocketInterface and its peer: a packed value
};

struct FrameHeader {
  std::uint32_t size = 0;  ///< bytes that follow the header
  std::uint8_t version = 1;
  FrameType type{};
  std::uint16_t reserved = 0;
  std::uint64_t id = 0;  ///< of the task, where it is about one
};
static_assert(sizeof(FrameHeader) == 16);

/// A frame in a buffer that belongs to somebody else.
struct Frame {
  FrameType type{};
  std::uint64_t id = 0;
  std::string_view payload;
};

struct TaskHeader {
  std::uint64_t module = 0;
  std::uint64_t offset = 0;
  std::uint32_t attempt = 1;
  std::uint32_t comm_epoch = 0;  ///< a new one: make this slot's communicator anew before the call
  std::uint16_t comm_slot = 0;
  std::uint8_t want_value = 0;
  std::uint8_t traced = 0;  ///< its times are to be told
  std::uint32_t reserved2 = 0;
};
static_assert(sizeof(TaskHeader) == 32);

/// The group that static ranks are to form, and how its tasks are to find the process.
struct Form {
  std::uint64_t group = 0;
  std::vector<int> ranks;         ///< those of the group, as ranks of the communicator that all static ranks share
  std::string working_directory;  ///< empty: as it is
  std::map<std::string, std::string> environment;  ///< added
  std::string output_directory;                    ///< one file for each task's output; empty: none

  template <class Archive>
  void serialize(Archive& archive) {
    archive(group, ranks, working_directory, environment, output_directory);
  }
};

struct AnswerHeader {
  std::uint64_t run_nanoseconds = 0;
};

/// What a rank tells of a task that is traced. By the rank's clock.
struct TaskTimes {
  std::int64_t started = 0;  ///< nanoseconds
  std::int64_t ended = 0;
  std::vector<SpanRecord> spans;  ///< within it

  template <class Archive>
  void serialize(Archive& archive) {
    archive(started, ended, spans);
  }
};

/// Names a task on its group: number `index`, from 0, of those that the group was sent.
[[nodiscard]] constexpr std::uint64_t task_key(std::uint64_t group, std::uint64_t index) {
  return group << 32U | (index & 0xffffffffU);
}
/// Whether both are of one group.
[[nodiscard]] constexpr bool of_same_group(std::uint64_t key, std::uint64_t other) {
  return key >> 32U == other >> 32U;
}
[[nodiscard]] constexpr std::uint32_t index_of(std::uint64_t key) { return static_cast<std::uint32_t>(key); }

/// How a rank ended, told by its guard.
struct ExitReport {
  std::int32_t signal = 0;  ///< 0: it exited
  std::int32_t status = 0;
  std::uint8_t left = 0;   ///< it left as it was asked to, MPI finalized
  std::uint8_t ended = 0;  ///< its guard was told to kill it
  std::int64_t peak_kibibytes = 0;
  std::string note;  ///< last words, such as "MPI_Abort with code 3"

  template <class Archive>
  void serialize(Archive& archive) {
    archive(signal, status, left, ended, peak_kibibytes, note);
  }
};

/// The bytes of a stream are not frames of this protocol: close it.
class ProtocolError : public std::runtime_error {
  using runtime_error::runtime_error;
};

inline constexpr std::size_t max_frame_size = std::size_t{1} << 30U;

/// Appends a frame whose payload is `head` (any trivially copyable struct, or nothing) and `tail`.
void append_frame(Bytes& out, FrameType type, std::uint64_t id, void const* head, std::size_t head_size,
                  std::string_view tail);

inline void append_frame(Bytes& out, FrameType type, std::uint64_t id = 0, std::string_view payload = {}) {
  append_frame(out, type, id, nullptr, 0, payload);
}

/// The next whole frame of `buffer`, which is shortened by it; none where more bytes are needed (`needed` then says how
/// many the frame has in all, 0 if not even its header is there). Throws ProtocolError.
[[nodiscard]] std::optional<Frame> next_frame(std::string_view& buffer, std::size_t* needed = nullptr);

/// A trivially copyable struct from the start of a payload, which is shortened by it. Throws ProtocolError.
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
