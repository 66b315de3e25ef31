#include <farm/detail/outlive.hpp>

namespace farm::detail {
namespace {

thread_local TaggedSubmission const* current_submission = nullptr;

}  // namespace

TaggedSubmission::TaggedSubmission(std::uint64_t tag, std::uint32_t earlier_attempts, Kind kind) noexcept
    : tag_(tag), earlier_attempts_(earlier_attempts), kind_(kind), before_(current_submission) {
  current_submission = this;
}

TaggedSubmission::~TaggedSubmission() { current_submission = before_; }

TaggedSubmission const* TaggedSubmission::current() noexcept { return current_submission; }

}  // namespace farm::detail
