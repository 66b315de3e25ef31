#include "spawn/wire/input_buffer.hpp"

#include <algorithm>
#include <cstring>

namespace farm::detail {
namespace {

constexpr std::size_t max_kept_when_empty = std::size_t{1} << 20U;

}  // namespace

char* InputBuffer::prepare(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (data_.size() - end_ < size && begin_ != 0) {
    std::memmove(data_.data(), data_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    moved_ += end_;
  }
  if (data_.size() - end_ < size) {
    moved_ += end_;
    data_.resize(std::max(end_ + size, data_.size() * 2));
  }
  return data_.data() + end_;
}

void InputBuffer::consume(std::size_t size) {
  begin_ += size;
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (data_.size() > max_kept_when_empty) data_ = {};
  }
}

}  // namespace farm::detail
