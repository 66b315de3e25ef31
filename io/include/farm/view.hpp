#pragma once

#include <farm/detail/array_access.hpp>
#include <farm/detail/array_data.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace farm {

/// All elements of an array, read-only, in row-major order; made by Array::view(). A view is cheap to copy. Copies
/// share the memory or the mapping, which lives as long as any of them. Nobody may truncate a mapped file in the
/// meantime; removing the file is harmless. Different views may be used by different threads.
template <Element T>
class View {
 public:
  /// Constructs an empty view.
  View() = default;

  /// Returns the extents of the array; none for an empty view.
  [[nodiscard]] Extents extents() const { return array_ == nullptr ? Extents{} : array_->info.extents; }
  /// Returns the number of elements.
  [[nodiscard]] std::size_t size() const noexcept {
    return array_ == nullptr ? 0 : detail::element_count(array_->info.extents);
  }
  /// Returns a pointer to the first element. May be null if size() is 0.
  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(block_.data); }
  /// Returns an iterator to the first element.
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  /// Returns an iterator past the last element.
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  /// Returns element i in row-major order, unchecked.
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  /// Returns all elements as a span, valid while this view or a copy lives.
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Returns true if the elements are mapped from the file, so that they take no memory of the process's own.
  [[nodiscard]] bool mapped() const noexcept { return block_.mapped; }

 private:
  friend struct detail::ArrayAccess;
  explicit View(std::shared_ptr<detail::KeptArray const> array)
      : array_(std::move(array)), block_(detail::find_rows(array_, 0, array_->info.extents.at(0))) {}

  std::shared_ptr<detail::KeptArray const> array_{};
  detail::Block block_{};
};

}  // namespace farm
