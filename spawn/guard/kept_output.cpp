#include "spawn/guard/kept_output.hpp"

#include "core/task/frame.hpp"

#include <fmt/format.h>

#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t most_kept = std::size_t{1} << 20U;

}  // namespace

void KeptOutput::add(std::uint64_t stream, std::string_view text, bool all) {
  append_frame(frames_, FrameType::output, stream, text);
  if (all || frames_.size() <= 2 * most_kept) return;
  std::string_view rest = frames_;
  while (rest.size() > most_kept) {
    auto const frame = next_frame(rest);
    if (!frame) break;
    lost_ += frame->payload.size();
  }
  frames_.erase(0, frames_.size() - rest.size());
}

Bytes KeptOutput::take() {
  Bytes all;
  if (lost_ != 0)
    append_frame(all, FrameType::output, 2,
                 fmt::format("farm: {} bytes of output were dropped while there was no server\n", lost_));
  all += std::exchange(frames_, {});
  lost_ = 0;
  return all;
}

}  // namespace farm::detail
