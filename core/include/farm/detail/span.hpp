#pragma once

#include <cstdint>
#include <string>

namespace farm::detail {

/// Something that a thread did, by CLOCK_MONOTONIC in nanoseconds.
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

/// Who is told of spans. Thread-safe.
class SpanSink {
 public:
  SpanSink() = default;
  SpanSink(SpanSink const&) = delete;
  SpanSink& operator=(SpanSink const&) = delete;
  virtual ~SpanSink() = default;
  virtual void add(SpanRecord span) = 0;
};

/// That of this process; null: spans cost nothing and are told to nobody. It must outlive all spans that begin now.
void set_span_sink(SpanSink* sink) noexcept;

/// While it lives its thread does `name`, a literal, with so many bytes.
class Span {
 public:
  explicit Span(char const* name, std::uint64_t bytes = 0) noexcept;
  Span(Span const&) = delete;
  Span& operator=(Span const&) = delete;
  /// Where it ends by an exception, too.
  ~Span();

 private:
  SpanSink* sink_;
  char const* name_;
  std::uint64_t bytes_;
  std::int64_t begin_ = 0;
};

/// CLOCK_MONOTONIC, which all processes of a host share.
[[nodiscard]] std::int64_t monotonic_nanoseconds() noexcept;

}  // namespace farm::detail
