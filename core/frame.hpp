#pragma once

#include <farm/code_address.hpp>
#include <farm/serialize.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <type_traits>

/// What the master, the ranks and their guards say to each other; core/README.md describes the format.
namespace farm::detail {

enum class FrameType : std::uint8_t {
  task = 1,     ///< master to rank: TaskHeader, then the packed call
  leave = 2,    ///< master to rank: no more tasks will come
  value = 16,   ///< rank to master: AnswerHeader, then the packed value
  error = 17,   ///< rank to master: AnswerHeader, then a packed Failure
  end = 32,     ///< master to guard: kill the rank
  ping = 33,    ///< master to guard; answered by alive
  output = 48,  ///< guard to master: whole lines that the rank printed; id is 1 (stdout) or 2 (stderr)
  exited = 49,  ///< guard to master: packed ExitReport; the last frame of a lifeline
  alive = 50,   ///< guard to master
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
  std::uint8_t reserved = 0;
  std::uint32_t reserved2 = 0;
};
static_assert(sizeof(TaskHeader) == 32);

struct AnswerHeader {
  std::uint64_t run_nanoseconds = 0;
};

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
