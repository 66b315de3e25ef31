// Arbitrary bytes as the frames of a control stream, and as their payloads: each is refused, or read correctly.
#include "core/base/failure.hpp"
#include "core/task/frame.hpp"
#include "spawn/join/handshake.hpp"
#include "tests/fuzz/expect.hpp"

#include <farm/error.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace farm::detail;
using farm::Bytes;

namespace {

struct Read {
  std::vector<std::pair<FrameHeader, Bytes>> frames;
  bool refused = false;
};

FrameHeader header_of(Frame const& frame) {
  return {.size = static_cast<std::uint32_t>(frame.payload.size()), .type = frame.type, .id = frame.id};
}

/// Reads frames as a stream does that receives `step` bytes at a time. The bytes that have arrived are copied to memory
/// of exactly their size, so that the sanitizer detects reads beyond them.
Read read_frames(std::string_view bytes, std::size_t step) {
  Read read;
  std::size_t begin = 0;
  for (std::size_t end = 0; end < bytes.size();) {
    end += std::min(step, bytes.size() - end);
    for (;;) {
      auto const size = end - begin;
      auto const exact = std::make_unique<char[]>(size);
      bytes.copy(exact.get(), size, begin);
      std::string_view rest{exact.get(), size};
      std::size_t needed = 0;
      std::optional<Frame> frame;
      try {
        frame = next_frame(rest, &needed);
      } catch (ProtocolError const&) {
        read.refused = true;
        return read;
      }
      if (!frame) {
        expect(rest.size() == size, "an incomplete frame is not consumed");
        expect(size < sizeof(FrameHeader) ? needed == 0 : needed > size, "next_frame() says how many bytes it needs");
        break;
      }
      expect(needed <= size && rest.size() == size - needed, "a frame consumes what it needs");
      expect(frame->payload.size() == needed - sizeof(FrameHeader), "the payload follows the header");
      expect(frame->payload.size() <= max_frame_size, "no frame is larger than the limit");
      read.frames.emplace_back(header_of(*frame), Bytes{frame->payload});
      begin += needed;
    }
  }
  return read;
}

/// Unpacks the payload. A valid value survives another round trip; other bytes are refused with SerializationError.
template <class T>
std::optional<T> try_unpack(std::string_view payload) {
  try {
    auto value = farm::unpack<T>(payload);
    auto const packed = farm::pack(value);
    expect(farm::pack(farm::unpack<T>(packed)) == packed, "a value survives a round trip");
    return value;
  } catch (farm::SerializationError const&) {
    return std::nullopt;
  }
}

template <class T>
void try_take(std::string_view payload) {
  auto const size = payload.size();
  try {
    static_cast<void>(take<T>(payload));
    expect(payload.size() == size - sizeof(T), "the head is removed");
  } catch (ProtocolError const&) {
    expect(size < sizeof(T), "only a payload that is too short is refused");
  }
}

void try_all(std::string_view payload) {
  try_take<TaskHeader>(payload);
  try_take<AnswerHeader>(payload);
  try_take<double>(payload);
  static_cast<void>(try_unpack<Hello>(payload));
  static_cast<void>(try_unpack<ExitReport>(payload));
  static_cast<void>(try_unpack<Form>(payload));
  if (auto const failure = try_unpack<Failure>(payload)) {
    auto const error = make_exception(*failure, {.task = 1, .rank = 0, .ranks = 2});
    try {
      std::rethrow_exception(error);
    } catch (std::exception const& e) {
      expect(dynamic_cast<farm::TaskError const*>(&e) != nullptr, "a failure becomes a TaskError");
      expect(dynamic_cast<farm::TaskError const*>(&e)->text() == failure->exception.text, "with its text");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const bytes{reinterpret_cast<char const*>(data), size};
  auto const whole = read_frames(bytes, size);
  auto const single = read_frames(bytes, 1);
  expect(whole.refused == single.refused && whole.frames.size() == single.frames.size(),
         "the result does not depend on how the bytes are split");
  Bytes again;
  for (std::size_t i = 0; i < whole.frames.size(); ++i) {
    auto const& [header, payload] = whole.frames[i];
    expect(std::memcmp(&header, &single.frames[i].first, sizeof header) == 0 && payload == single.frames[i].second,
           "the result does not depend on how the bytes are split");
    append_frame(again, header.type, header.id, payload);
    try_all(payload);
  }
  auto const reread = read_frames(again, again.size());
  expect(!reread.refused && reread.frames.size() == whole.frames.size(), "frames survive a round trip");
  try_all(bytes);
  return 0;
}
