#include "spawn/rank/staged_message.hpp"

#include "core/task/frame.hpp"

#include <farm/publish.hpp>

#include <span>

namespace farm::detail {

bool is_too_large(std::size_t head_size, std::string_view content) noexcept {
  return content.size() > max_frame_size - head_size;
}

Array<std::uint8_t> stage_message(std::string_view content) {
  std::span const bytes{reinterpret_cast<std::uint8_t const*>(content.data()), content.size()};
  return stage(bytes, {content.size()});
}

StagedMessage::StagedMessage(std::string_view handle)
    : array_(unpack<Array<std::uint8_t>>(handle)), view_(array_.view()) {}

std::string_view StagedMessage::content() const { return {reinterpret_cast<char const*>(view_.data()), view_.size()}; }

}  // namespace farm::detail
