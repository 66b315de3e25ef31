#include "spawn/cached_calls/chunk_bytes.hpp"

#include <farm/detail/call.hpp>
#include <farm/error.hpp>

#include <cstdint>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t mark_size = 1;
constexpr std::size_t part_head = mark_size + sizeof(std::uint64_t);

std::size_t head_of_call(CallNotes const& notes) { return notes.in_parts ? part_head : mark_size; }

void append_known(CallNotes const& notes, Bytes& bytes, Bytes const& value) {
  if (notes.inputs.empty()) {
    bytes.append(value);
  } else if (notes.in_parts) {
    auto const part = begin_part(bytes, chunk_mark);
    bytes.append(value);
    end_part(bytes, part);
  } else {
    bytes.push_back(chunk_mark);
    bytes.append(value);
  }
}

/// Reads over the value at the beginning of `bytes`, and returns its size.
std::size_t pass_value(CallNotes const& notes, std::string_view bytes, HandleNotes& handles) {
  UnpackArchive in{bytes, &handles};
  notes.function->pass_value(in);
  return in.position();
}

/// Reads over a value that ends where `bytes` do.
void pass_all(CallNotes const& notes, std::string_view bytes, CallResult& result) {
  try {
    if (pass_value(notes, bytes, result.handles) != bytes.size()) result.unfit = "more bytes than the type needs";
  } catch (std::exception const& error) {
    result.unfit = error.what();
  }
}

CallResult::Kind kind_of(char mark) {
  if (mark == chunk_mark) return CallResult::Kind::value;
  if (mark == error_mark) return CallResult::Kind::error;
  if (mark == hole_mark) return CallResult::Kind::hole;
  throw SerializationError("a result of a chunk has an unknown mark");
}

/// Returns the result that begins at `begin`.
CallResult next_result(CallNotes const& notes, std::string_view value, std::size_t begin) {
  CallResult result{.kind = kind_of(value[begin]), .whole = {begin, begin + mark_size}};
  if (notes.in_parts) {
    auto rest = value.substr(begin);
    auto const content = take_part(rest);
    result.whole.end = value.size() - rest.size();
    result.value = {begin + part_head, result.whole.end};
    if (result.kind == CallResult::Kind::value) pass_all(notes, content, result);
  } else if (result.kind == CallResult::Kind::value) {
    auto const first = begin + mark_size;
    result.whole.end = first + pass_value(notes, value.substr(first), result.handles);
    result.value = {first, result.whole.end};
  }
  return result;
}

}  // namespace

std::vector<ByteRange> arguments_of(CallNotes const& notes, std::string_view bytes) {
  if (notes.inputs.empty()) return {{notes.function_bytes, bytes.size()}};
  std::vector<ByteRange> ranges;
  ranges.reserve(notes.inputs.size());
  for (std::size_t i = 0; i < notes.inputs.size(); ++i) {
    auto const end = i + 1 < notes.inputs.size() ? notes.inputs[i + 1] : bytes.size();
    ranges.push_back({notes.inputs[i] + head_of_call(notes), end});
  }
  return ranges;
}

std::vector<CallResult> results_of(CallNotes const& notes, std::string_view value) {
  std::vector<CallResult> results;
  if (notes.inputs.empty()) {
    CallResult result{.kind = CallResult::Kind::value, .whole = {0, value.size()}, .value = {0, value.size()}};
    pass_all(notes, value, result);
    results.push_back(std::move(result));
    return results;
  }
  for (std::size_t begin = 0; begin < value.size(); begin = results.back().whole.end)
    results.push_back(next_result(notes, value, begin));
  if (results.size() != notes.inputs.size()) throw SerializationError("a chunk has more or fewer results than calls");
  return results;
}

Bytes with_holes_filled(CallNotes const& notes, std::string_view value, std::vector<CallResult> const& results,
                        std::vector<std::optional<Bytes>> const& known) {
  Bytes bytes;
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (results[i].kind == CallResult::Kind::hole) {
      append_known(notes, bytes, known.at(i).value());
    } else {
      bytes.append(results[i].whole.of(value));
    }
  }
  return bytes;
}

Bytes value_of_known(CallNotes const& notes, std::vector<std::optional<Bytes>> const& known) {
  Bytes bytes;
  for (auto const& each : known) append_known(notes, bytes, each.value());
  return bytes;
}

}  // namespace farm::detail
