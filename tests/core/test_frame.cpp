#include "core/task/frame.hpp"

#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/catch.hpp"

using farm::Bytes;
using namespace farm::detail;

namespace {

Bytes frame_with(FrameHeader const& header) { return {reinterpret_cast<char const*>(&header), sizeof header}; }

}  // namespace

TEST_CASE("a frame comes back as it was") {
  auto const payload = GENERATE(as<std::string>{}, "", "x", "a longer payload, which is text here");
  Bytes bytes;
  append_frame(bytes, FrameType::output, 0x123456789abcdefU, nullptr, 0, payload, 0x8001);
  CHECK(bytes.size() == sizeof(FrameHeader) + payload.size());
  std::string_view rest = bytes;
  auto const frame = next_frame(rest);
  REQUIRE(frame);
  CHECK(frame->type == FrameType::output);
  CHECK(frame->id == 0x123456789abcdefU);
  CHECK(frame->payload == payload);
  CHECK(frame->flags == 0x8001);
  CHECK(rest.empty());
}

TEST_CASE("every type of frame is known") {
  for (auto const type : {FrameType::task, FrameType::leave, FrameType::value, FrameType::error, FrameType::end,
                          FrameType::stop, FrameType::recall, FrameType::output, FrameType::exited, FrameType::recalled,
                          FrameType::ring, FrameType::socket, FrameType::wake}) {
    Bytes bytes;
    append_frame(bytes, type);
    std::string_view rest = bytes;
    auto const frame = next_frame(rest);
    REQUIRE(frame);
    CHECK(frame->type == type);
  }
}

TEST_CASE("an incomplete frame is not returned, wherever it is cut") {
  Bytes bytes;
  append_frame(bytes, FrameType::value, 7, "payload");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    auto part = std::string_view{bytes}.substr(0, size);
    std::size_t needed = 99;
    CHECK_FALSE(next_frame(part, &needed));
    CHECK(part.size() == size);
    CHECK(needed == (size < sizeof(FrameHeader) ? 0 : bytes.size()));
  }
}

TEST_CASE("several frames are returned one after the other") {
  Bytes bytes;
  for (std::uint64_t id = 0; id < 5; ++id) append_frame(bytes, FrameType::task, id, std::string(id, 'x'));
  bytes += "part";
  std::string_view rest = bytes;
  for (std::uint64_t id = 0; id < 5; ++id) {
    auto const frame = next_frame(rest);
    REQUIRE(frame);
    CHECK(frame->id == id);
    CHECK(frame->payload.size() == id);
  }
  CHECK_FALSE(next_frame(rest));
  CHECK(rest == "part");
}

TEST_CASE("a header within the payload is taken from its start") {
  TaskHeader const header{
      .module = 1, .offset = 2, .attempt = 3, .comm_epoch = 4, .comm_slot = 5, .want_value = WantValue::rank_0};
  Bytes bytes;
  append_frame(bytes, FrameType::task, 8, &header, sizeof header, "call");
  std::string_view rest = bytes;
  auto payload = next_frame(rest).value().payload;
  auto const taken = take<TaskHeader>(payload);
  CHECK(std::memcmp(&taken, &header, sizeof header) == 0);
  CHECK(payload == "call");
}

TEST_CASE("a payload that is shorter than its header is refused and not changed") {
  std::string_view payload = "seven b";
  CHECK_THROWS_AS(take<AnswerHeader>(payload), ProtocolError);
  CHECK(payload == "seven b");
}

TEST_CASE("bytes that are not a frame of this protocol are refused as soon as the header is complete") {
  auto const refused = [](FrameHeader const& header, std::string const& reason) {
    auto const bytes = frame_with(header);
    std::string_view rest = bytes;
    CHECK_THROWS_WITH(next_frame(rest), contains(reason));
    CHECK_THROWS_AS(next_frame(rest), ProtocolError);
    CHECK(rest.size() == bytes.size());
  };
  refused({.version = 2, .type = FrameType::task}, "version 2");
  refused({.version = 0, .type = FrameType::task}, "version 0");
  refused({.type = FrameType{0}}, "type 0");
  refused({.type = FrameType{200}}, "type 200");
  refused({.size = max_frame_size + 1, .type = FrameType::task}, "bytes");
}

TEST_CASE("a frame of the largest size is accepted") {
  auto const bytes = frame_with({.size = max_frame_size, .type = FrameType::value});
  std::string_view rest = bytes;
  std::size_t needed = 0;
  CHECK_FALSE(next_frame(rest, &needed));
  CHECK(needed == sizeof(FrameHeader) + max_frame_size);
}

TEST_CASE("a payload that is too large is refused before anything is written") {
  Bytes bytes = "before";
  // Only the size matters: these bytes are never read.
  CHECK_THROWS_AS(append_frame(bytes, FrameType::task, 0, "x", max_frame_size, "x"), farm::SerializationError);
  CHECK(bytes == "before");
}

TEST_CASE("an exit report comes back") {
  auto const report = farm::unpack<ExitReport>(farm::pack(ExitReport{
      .signal = 11, .status = 0, .left = 1, .ended = 1, .early = 1, .peak_kibibytes = 1234, .note = "last words"}));
  CHECK(report.signal == 11);
  CHECK(report.left == 1);
  CHECK(report.ended == 1);
  CHECK(report.peak_kibibytes == 1234);
  CHECK(report.note == "last words");
}
