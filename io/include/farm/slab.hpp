#pragma once

#include <farm/decomposition.hpp>
#include <farm/detail/array_access.hpp>
#include <farm/detail/array_data.hpp>
#include <farm/detail/slab_memory.hpp>
#include <farm/detail/slab_shape.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <mpi.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

/// Slabs: the rows of an array that one rank holds, contiguous in memory.
///
///     farm::Slab<double> heat(farm::Slab<double const> before, farm::Comm const& comm);   // a task
///
/// A Slab<T const> is read-only and cheap to copy. A Slab<T> owns new memory and can only be moved.
namespace farm {

/// Tag type of `uninitialized`.
struct Uninitialized {};
/// Selects the constructor of Slab that does not zero the elements. The caller must write them before reading them.
inline constexpr Uninitialized uninitialized{};

/// This rank's rows of a new array. publish() makes the array of the slabs of all ranks, as does a task that returns
/// its slab.
template <class T>
class Slab : public detail::SlabShape {
  static_assert(Element<T>);

 public:
  /// Constructs an empty slab.
  Slab() = default;
  /// Allocates the rows that Decomposition assigns to this rank, all zero. Not collective, but every rank of `comm`
  /// that publishes must construct its own slab with the same extents. Throws UsageError if the extents are invalid,
  /// and std::bad_alloc.
  Slab(MPI_Comm comm, Extents extents) : SlabShape(detail::shape_of_rank(comm, std::move(extents), sizeof(T))) {
    memory_ = detail::make_slab_memory(comm, *this, sizeof(T), true);
  }
  /// As above, but leaves the elements undefined.
  Slab(MPI_Comm comm, Extents extents, Uninitialized /*tag*/)
      : SlabShape(detail::shape_of_rank(comm, std::move(extents), sizeof(T))) {
    memory_ = detail::make_slab_memory(comm, *this, sizeof(T), false);
  }
  Slab(Slab&&) noexcept = default;
  Slab& operator=(Slab&&) noexcept = default;
  Slab(Slab const&) = delete;
  Slab& operator=(Slab const&) = delete;
  ~Slab() = default;

  /// Returns a pointer to the first element of the slab.
  [[nodiscard]] T* data() noexcept { return static_cast<T*>(memory_.memory.get()); }
  /// Returns a pointer to the first element of the slab.
  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(memory_.memory.get()); }
  /// Returns an iterator to the first element of the slab.
  [[nodiscard]] T* begin() noexcept { return data(); }
  /// Returns an iterator to the first element of the slab.
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  /// Returns an iterator past the last element of the slab.
  [[nodiscard]] T* end() noexcept { return data() + size(); }
  /// Returns an iterator past the last element of the slab.
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  /// Returns element i of the slab in row-major order, unchecked.
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
  /// Returns element i of the slab in row-major order, unchecked.
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  /// Returns all elements as a span, valid while the slab lives.
  [[nodiscard]] std::span<T> span() noexcept { return {data(), size()}; }
  /// Returns all elements as a span, valid while the slab lives.
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Returns true if the elements lie in a mapped file already. If the task returns the slab, they need not be written.
  [[nodiscard]] bool mapped() const noexcept { return memory_.file != nullptr; }

 private:
  friend struct detail::ArrayAccess;
  Slab(SlabShape shape, std::shared_ptr<void> memory) : SlabShape(std::move(shape)), memory_{std::move(memory), {}} {}

  detail::SlabMemory memory_{};
};

/// Rows of an existing array, read-only; made by Array::slab() and Array::rows(). Copies share the memory, which lives
/// as long as any of them.
template <class T>
class Slab<T const> : public detail::SlabShape {
  static_assert(Element<T>);

 public:
  /// Constructs an empty slab.
  Slab() = default;

  /// Returns a pointer to the first element of the slab. May be null if size() is 0.
  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(block_.data); }
  /// Returns an iterator to the first element of the slab.
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  /// Returns an iterator past the last element of the slab.
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  /// Returns element i of the slab in row-major order, unchecked.
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  /// Returns all elements as a span, valid while this slab or a copy lives.
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Returns true if the elements are mapped from the file, so that they take no memory of the process's own.
  [[nodiscard]] bool mapped() const noexcept { return block_.mapped; }

  /// Returns the same rows with up to `rows` more on each side. At the ends of the array there are fewer; halo_before()
  /// and halo_after() tell how many were added. A halo that this slab already has is replaced, not extended. Not
  /// collective: this rank alone reads the rows. Throws StageError.
  [[nodiscard]] Slab with_halo(std::uint64_t rows) const {
    if (array_ == nullptr || size() == 0) return *this;
    auto const first = first_row() + halo_before_;
    auto const end = first_row() + this->rows() - halo_after_;
    auto const before = std::min(rows, first);
    auto const after = std::min(rows, extents()[0] - end);
    return Slab{array_, first - before, end + after - (first - before), before, after};
  }
  /// Returns how many of rows() are halo rows at the beginning.
  [[nodiscard]] std::uint64_t halo_before() const noexcept { return halo_before_; }
  /// Returns how many of rows() are halo rows at the end.
  [[nodiscard]] std::uint64_t halo_after() const noexcept { return halo_after_; }

 private:
  friend struct detail::ArrayAccess;
  /// Rows first .. first + count - 1 of the array; the counts of halo rows are included in `count`.
  Slab(std::shared_ptr<detail::KeptArray const> array, std::uint64_t first, std::uint64_t count,
       std::uint64_t halo_before = 0, std::uint64_t halo_after = 0)
      : SlabShape(array->info.extents, first, count),
        array_(std::move(array)),
        block_(detail::find_rows(array_, first, count)),
        halo_before_(halo_before),
        halo_after_(halo_after) {}

  std::shared_ptr<detail::KeptArray const> array_{};
  detail::Block block_{};
  std::uint64_t halo_before_ = 0;
  std::uint64_t halo_after_ = 0;
};

}  // namespace farm
