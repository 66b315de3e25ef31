#pragma once

#include <farm/detail/array_data.hpp>
#include <farm/detail/array_info.hpp>
#include <farm/detail/slab_memory.hpp>
#include <farm/detail/slab_shape.hpp>
#include <farm/element.hpp>

#include <cstdint>
#include <memory>
#include <utility>

namespace farm {

template <class T>
class Array;
template <Element T>
class View;
template <class T>
class Slab;

namespace detail {

/// Gives the library (and its tests) access to members of Array, View and Slab that users do not need.
struct ArrayAccess {
  /// Makes a handle. If this process owns the file, the handle also keeps the file.
  template <class T>
  [[nodiscard]] static Array<T> make(ArrayInfo info) {
    return Array<T>{std::move(info)};
  }
  template <class T>
  [[nodiscard]] static ArrayInfo const& info(Array<T> const& array) {
    return array.info();
  }
  template <Element T>
  [[nodiscard]] static View<T> view(std::shared_ptr<KeptArray const> array) {
    return View<T>{std::move(array)};
  }
  template <class T>
  [[nodiscard]] static Slab<T const> rows(std::shared_ptr<KeptArray const> array, std::uint64_t first,
                                          std::uint64_t count) {
    return Slab<T const>{std::move(array), first, count};
  }
  /// Makes a slab that owns `memory`, which holds the rows of `shape`.
  template <class T>
  [[nodiscard]] static Slab<T> slab(SlabShape shape, std::shared_ptr<void> memory) {
    return Slab<T>{std::move(shape), std::move(memory)};
  }
  /// Returns the file that the elements lie in; null if they lie in the process's own memory.
  template <class T>
  [[nodiscard]] static SlabFile const* file(Slab<T> const& slab) noexcept {
    return slab.memory_.file.get();
  }
};

}  // namespace detail
}  // namespace farm
