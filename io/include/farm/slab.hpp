#pragma once

#include <farm/decomposition.hpp>
#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

/// Slabs: the rows of an array that one rank holds, contiguous in memory.
///
///     farm::Slab<double> heat(farm::Slab<double const> before, farm::Comm const& comm);   // a task
///
/// A Slab<T const> is read-only and cheap to copy; a Slab<T> owns new memory and can only be moved.
namespace farm {
namespace detail {

/// Which rows of what.
class SlabShape {
 public:
  SlabShape() = default;
  SlabShape(Extents extents, std::uint64_t first_row, std::uint64_t rows);

  /// Index, along the array's first axis, of the first row that is here.
  [[nodiscard]] std::uint64_t first_row() const noexcept { return first_row_; }
  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  /// Of the whole array.
  [[nodiscard]] Extents const& extents() const noexcept { return extents_; }
  /// Of what is here: rows(), and the array's other extents.
  [[nodiscard]] Extents local_extents() const;
  /// Elements per row.
  [[nodiscard]] std::uint64_t row_size() const noexcept { return row_size_; }
  /// Elements that are here.
  [[nodiscard]] std::size_t size() const noexcept { return rows_ * row_size_; }

 private:
  Extents extents_{};
  std::uint64_t first_row_ = 0;
  std::uint64_t rows_ = 0;
  std::uint64_t row_size_ = 0;
};

/// The rows of this rank by Decomposition; calls no collective function.
[[nodiscard]] SlabShape shape_of_rank(MPI_Comm comm, Extents extents, std::size_t element_size);

/// A file of which the ranks that make an array have mapped their rows; so that it can become the array's.
struct SlabFile {
  std::string path{};
  std::uint64_t inode = 0;
};

struct SlabMemory {
  std::shared_ptr<void> memory{};
  std::shared_ptr<SlabFile const> file{};  ///< null: the memory is of no file
};

/// Where a task makes a slab of an array that will have a file, and the file of one that has gone is there to be taken,
/// rows of that; else memory that is paid for when it is used. Throws std::bad_alloc.
[[nodiscard]] SlabMemory make_slab_memory(MPI_Comm comm, SlabShape const& shape, std::size_t element_size, bool zeroed);

}  // namespace detail

/// For slabs all of whose elements are written before they are read.
struct Uninitialized {};
inline constexpr Uninitialized uninitialized{};

/// The rows of this rank of an array that is being made. See publish() for what becomes of it.
template <class T>
class Slab : public detail::SlabShape {
  static_assert(Element<T>);

 public:
  /// Of no array.
  Slab() = default;
  /// The rows that this rank has by Decomposition, all zero. Not collective, but every rank of `comm` that publishes
  /// must make its own with the same extents. Throws UsageError for extents that no array has.
  Slab(MPI_Comm comm, Extents extents) : SlabShape(detail::shape_of_rank(comm, std::move(extents), sizeof(T))) {
    memory_ = detail::make_slab_memory(comm, *this, sizeof(T), true);
  }
  /// The same, but what the elements are is not known.
  Slab(MPI_Comm comm, Extents extents, Uninitialized /*tag*/)
      : SlabShape(detail::shape_of_rank(comm, std::move(extents), sizeof(T))) {
    memory_ = detail::make_slab_memory(comm, *this, sizeof(T), false);
  }
  /// For Array.
  Slab(SlabShape shape, std::shared_ptr<void> memory) : SlabShape(std::move(shape)), memory_{std::move(memory), {}} {}
  Slab(Slab&&) noexcept = default;
  Slab& operator=(Slab&&) noexcept = default;
  Slab(Slab const&) = delete;
  Slab& operator=(Slab const&) = delete;
  ~Slab() = default;

  [[nodiscard]] T* data() noexcept { return static_cast<T*>(memory_.memory.get()); }
  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(memory_.memory.get()); }
  [[nodiscard]] T* begin() noexcept { return data(); }
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  [[nodiscard]] T* end() noexcept { return data() + size(); }
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data()[i]; }
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] std::span<T> span() noexcept { return {data(), size()}; }
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Whether the elements lie in a file, which an array that the task returns needs not be written to.
  [[nodiscard]] bool mapped() const noexcept { return memory_.file != nullptr; }
  /// For the farm: null where they do not.
  [[nodiscard]] detail::SlabFile const* file() const noexcept { return memory_.file.get(); }

 private:
  detail::SlabMemory memory_{};
};

/// Rows of an existing array: see Array::slab(). Copies share the memory, which lives as long as one of them.
template <class T>
class Slab<T const> : public detail::SlabShape {
  static_assert(Element<T>);

 public:
  /// Of no array.
  Slab() = default;
  /// Rows first..first + count - 1 of the array, the outermost of which are halo. For Array.
  Slab(std::shared_ptr<detail::KeptArray const> array, std::uint64_t first, std::uint64_t count,
       std::uint64_t halo_before = 0, std::uint64_t halo_after = 0)
      : SlabShape(array->info.extents, first, count),
        array_(std::move(array)),
        block_(detail::find_rows(array_, first, count)),
        halo_before_(halo_before),
        halo_after_(halo_after) {}

  [[nodiscard]] T const* data() const noexcept { return static_cast<T const*>(block_.data); }
  [[nodiscard]] T const* begin() const noexcept { return data(); }
  [[nodiscard]] T const* end() const noexcept { return data() + size(); }
  [[nodiscard]] T const& operator[](std::size_t i) const noexcept { return data()[i]; }
  [[nodiscard]] std::span<T const> span() const noexcept { return {data(), size()}; }
  /// Whether the elements are those of the file itself, and take no memory of the process's own.
  [[nodiscard]] bool mapped() const noexcept { return block_.mapped; }

  /// The same rows and up to so many more at each side, fewer at the ends of the array: halo_before() and halo_after()
  /// tell. A halo that is there already is not added to. By this rank alone. Throws StageError.
  [[nodiscard]] Slab with_halo(std::uint64_t rows) const {
    if (array_ == nullptr || size() == 0) return *this;
    auto const first = first_row() + halo_before_;
    auto const end = first_row() + this->rows() - halo_after_;
    auto const before = std::min(rows, first);
    auto const after = std::min(rows, extents()[0] - end);
    return Slab{array_, first - before, end + after - (first - before), before, after};
  }
  /// How many of rows() are halo: the first ones, and the last ones.
  [[nodiscard]] std::uint64_t halo_before() const noexcept { return halo_before_; }
  [[nodiscard]] std::uint64_t halo_after() const noexcept { return halo_after_; }

 private:
  std::shared_ptr<detail::KeptArray const> array_{};
  detail::Block block_{};
  std::uint64_t halo_before_ = 0;
  std::uint64_t halo_after_ = 0;
};

}  // namespace farm
