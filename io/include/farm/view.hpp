#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

namespace farm {

/// All elements of an array, read-only, in row-major order. Cheap to copy; copies share the memory or the mapping,
/// which lives as long as one of them. A mapped file must not be truncated meanwhile (removing it is harmless).
template <Element T>
class View {
 public:
  /// Of nothing.
  View() = default;
  /// For Array::view().
  explicit View(std::shared_ptr<detail::KeptArray const> array)
      : array_(std::move(array)), block_(detail::find_rows(array_, 0, array_->info.extents.at(0))) {}

  [[nodiscard]] Extents extents() const { return array_ == nullptr ? Extents{} : array_->info.extents; }
  [[nodiscard]] std::size_t size() const noexcept {
    return array_ == nullptr ? 0 : detail::element_count(array_->info.extents);
  }
  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(block_.data); }
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Whether the elements are those of the file itself, and take no memory of the process's own.
  [[nodiscard]] bool mapped() const noexcept { return block_.mapped; }

 private:
  std::shared_ptr<detail::KeptArray const> array_{};
  detail::Block block_{};
};

}  // namespace farm
