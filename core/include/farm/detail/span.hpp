#pragma once

#include <cstdint>
#include <string>

namespace farm::detail {

/// A piece of work of one thread. Times are nanoseconds of CLOCK_MONOTONIC.
struct SpanRecord {
  std::string name;
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::uint64_t bytes = 0;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, begin, end, bytes);
  }
};

/// Receives the spans of this process. Implementations are thread-safe.
class SpanSink {
 public:
  SpanSink() = default;
  SpanSink(SpanSink const&) = delete;
  SpanSink& operator=(SpanSink const&) = delete;
  virtual ~SpanSink() = default;
  virtual void add(SpanRecord span) = 0;
};

/// Sets the process-wide sink, which must outlive all spans that begin from now on. Pass null to turn tracing off;
/// spans then cost nothing.
void set_span_sink(SpanSink* sink) noexcept;

/// Records the time from its construction to its destruction as work `name`, a string literal, on `bytes` bytes.
class Span {
 public:
  explicit Span(char const* name, std::uint64_t bytes = 0) noexcept;
  Span(Span const&) = delete;
  Span& operator=(Span const&) = delete;
  /// Ends the span, also if an exception leaves the scope.
  ~Span();

 private:
  SpanSink* sink_;
  char const* name_;
  std::uint64_t bytes_;
  std::int64_t begin_ = 0;
};

/// Returns the time of CLOCK_MONOTONIC, which all processes of a host share.
[[nodiscard]] std::int64_t monotonic_nanoseconds() noexcept;

}  // namespace farm::detail
