#include "core/task/frame.hpp"

#include <fmt/format.h>

namespace farm::detail {
namespace {

bool is_known(FrameType type) {
  switch (type) {
    case FrameType::task:
    case FrameType::leave:
    case FrameType::initialize:
    case FrameType::form:
    case FrameType::dissolve:
    case FrameType::assign:
    case FrameType::value:
    case FrameType::error:
    case FrameType::prepared:
    case FrameType::staged:
    case FrameType::progress:
    case FrameType::times:
    case FrameType::ring:
    case FrameType::socket:
    case FrameType::wake:
    case FrameType::end:
    case FrameType::stop:
    case FrameType::recall:
    case FrameType::output:
    case FrameType::exited:
    case FrameType::recalled:
    case FrameType::message:
      return true;
  }
  return false;
}

}  // namespace

void append_frame(Bytes& out, FrameType type, std::uint64_t id, void const* head, std::size_t head_size,
                  std::string_view tail, std::uint16_t flags) {
  std::size_t const size = head_size + tail.size();
  if (size > max_frame_size) {
    throw SerializationError(
        fmt::format("a message of {} bytes is larger than the limit of {} bytes", size, max_frame_size));
  }
  FrameHeader const header{.size = static_cast<std::uint32_t>(size), .type = type, .flags = flags, .id = id};
  out.append(reinterpret_cast<char const*>(&header), sizeof header);
  if (head_size != 0) out.append(static_cast<char const*>(head), head_size);
  out.append(tail);
}

std::optional<Frame> next_frame(std::string_view& buffer, std::size_t* needed) {
  if (needed != nullptr) *needed = 0;
  if (buffer.size() < sizeof(FrameHeader)) return std::nullopt;
  FrameHeader header;
  std::memcpy(&header, buffer.data(), sizeof header);
  if (header.version != FrameHeader{}.version) throw ProtocolError(fmt::format("frame of version {}", header.version));
  if (!is_known(header.type))
    throw ProtocolError(fmt::format("frame of unknown type {}", static_cast<int>(header.type)));
  if (header.size > max_frame_size) throw ProtocolError(fmt::format("frame of {} bytes", header.size));
  std::size_t const total = sizeof header + header.size;
  if (needed != nullptr) *needed = total;
  if (buffer.size() < total) return std::nullopt;
  Frame const frame{header.type, header.id, buffer.substr(sizeof header, header.size), header.flags};
  buffer.remove_prefix(total);
  return frame;
}

}  // namespace farm::detail
