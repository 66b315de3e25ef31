#include <farm/detail/log.hpp>
#include <farm/detail/span.hpp>

#include <atomic>
#include <chrono>

namespace farm::detail {
namespace {

std::atomic<SpanSink*> the_sink{nullptr};

}  // namespace

void set_span_sink(SpanSink* sink) noexcept { the_sink = sink; }

Span::Span(char const* name, std::uint64_t bytes) noexcept : sink_(the_sink), name_(name), bytes_(bytes) {
  if (sink_ != nullptr) begin_ = monotonic_nanoseconds();
}

Span::~Span() {
  if (sink_ == nullptr) return;
  try {
    sink_->add({name_, begin_, monotonic_nanoseconds(), bytes_});
  } catch (...) {
    log_error("a span of the trace was lost");
  }
}

std::int64_t monotonic_nanoseconds() noexcept {
  return std::chrono::nanoseconds{std::chrono::steady_clock::now().time_since_epoch()}.count();
}

}  // namespace farm::detail
