#pragma once

#include <farm/detail/array_info.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/slab.hpp>
#include <farm/stage_options.hpp>
#include <farm/view.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace farm {
namespace detail {

/// See stage(); `elements` are as many as the extents say.
[[nodiscard]] ArrayInfo stage_elements(void const* elements, ElementType type, Extents extents,
                                       StageOptions const& options);

}  // namespace detail

/// A handle to an array of numbers that lies in an HDF5 file, or, where it is small, in the handle itself. Cheap to
/// copy; it can be an argument or a result of a task. No function is collective: each process reads for itself.
///
/// What is read is checked: StageError is thrown where the file is not there, was cut or changed, or has other
/// elements. The elements must not change while handles are in use. Thread-safe as far as different handles are
/// concerned.
template <class T>
class Array {
  static_assert(Element<T> && !std::is_const_v<T>);

 public:
  /// Of nothing: valid() is false, and nothing but assignment, copying and serialization is allowed.
  Array() = default;
  /// One axis; as stage() does it.
  Array(std::vector<T> const& values)  // NOLINT(google-explicit-constructor)
      : Array(detail::stage_elements(values.data(), detail::element_type_of<T>, {values.size()}, {})) {}
  /// For the farm: what was made or received elsewhere. In the process whose StageRun the file belongs to, it is
  /// removed when the last handle goes.
  explicit Array(detail::ArrayInfo info, std::shared_ptr<void> keeper = {}) {
    if (info.staged && keeper == nullptr) keeper = detail::find_keeper(info);
    array_ = std::make_shared<detail::KeptArray const>(detail::KeptArray{std::move(info), std::move(keeper)});
  }

  /// An existing dataset of T, of whatever byte order, contiguous, chunked or compressed; a compound {r, i} is complex.
  /// It is never changed and never removed. Throws StageError where it is not there, or of another type, or has no axis
  /// or more than 8.
  [[nodiscard]] static Array open(std::filesystem::path const& file, std::string const& dataset) {
    return Array{detail::open_array(file, dataset, detail::element_type_of<T>)};
  }

  [[nodiscard]] bool valid() const noexcept { return array_ != nullptr && !array_->info.extents.empty(); }
  [[nodiscard]] Extents const& extents() const { return info().extents; }
  [[nodiscard]] std::size_t dimensions() const { return extents().size(); }
  [[nodiscard]] std::uint64_t size() const { return valid() ? detail::element_count(extents()) : 0; }  ///< elements
  [[nodiscard]] std::uint64_t bytes() const { return size() * sizeof(T); }
  [[nodiscard]] std::filesystem::path path() const { return info().file; }  ///< empty: is_inline()
  [[nodiscard]] std::string const& dataset() const { return info().dataset; }
  [[nodiscard]] bool is_inline() const { return valid() && info().file.empty(); }

  /// All elements, in row-major order. Throws StageError.
  [[nodiscard]] std::vector<T> read() const { return read(Extents(dimensions()), extents()); }

  /// The block of `count` elements along each axis that begins at `offset`, in row-major order. Throws StageError, and
  /// UsageError where the block is not within the array.
  [[nodiscard]] std::vector<T> read(Extents const& offset, Extents const& count) const {
    detail::check_part(info(), offset, count);
    std::vector<T> values;
    auto const elements = detail::element_count(count);
    values.reserve(elements);
    detail::use_large_pages(values.data(), elements * sizeof(T));
    // no element is written twice, and the array is not in memory twice
    bool const appended = detail::append_part(info(), offset, count, [&](void const* part, std::uint64_t bytes) {
      auto const* const from = static_cast<T const*>(part);
      values.insert(values.end(), from, from + bytes / sizeof(T));
    });
    if (appended) return values;
    values.resize(elements);
    detail::read_part(info(), offset, count, values.data());
    return values;
  }

  /// All elements in memory of the caller's own, to change at will. Where they lie in the file as in memory, nothing is
  /// copied but, when it is first written, a page. Throws StageError.
  [[nodiscard]] Slab<T> copy() const {
    auto memory = detail::copy_elements(required()->info);
    return Slab<T>{{extents(), 0, extents()[0]}, std::move(memory)};
  }

  /// All elements, mapped where they lie in the file as in memory, else read. Throws StageError.
  [[nodiscard]] View<T> view() const { return View<T>{required()}; }

  /// The rows that this rank of `comm` has by Decomposition. Throws StageError.
  [[nodiscard]] Slab<T const> slab(MPI_Comm comm) const {
    auto const shape = detail::shape_of_rank(comm, extents(), sizeof(T));
    return rows(shape.first_row(), shape.rows());
  }

  /// Throws StageError, and UsageError where the array has no such rows.
  [[nodiscard]] Slab<T const> rows(std::uint64_t first, std::uint64_t count) const {
    return {required(), first, count};
  }

  /// Copies the array and its attributes, a bounded piece at a time, to a dataset of a file that may exist, but may
  /// have no such dataset. A new file gets its name when all is on disk; in an existing one, the dataset does. Returns
  /// when it is durable. Throws StageError: then there is neither a new file nor a new dataset.
  void save_as(std::filesystem::path const& file, std::string const& dataset) const {
    detail::save_array(required()->info, file, dataset);
  }

  [[nodiscard]] detail::ArrayInfo const& info() const {
    static detail::ArrayInfo const none;
    return array_ == nullptr ? none : array_->info;
  }

  template <class Archive>
  void save(Archive& archive) const {
    // Only the library's own archive collects keepers; a user may save handles with any other archive of cereal.
    if constexpr (requires { archive.note_keeper(array_->keeper); }) {
      if (array_ != nullptr) archive.note_keeper(array_->keeper);
    }
    archive(info());
  }
  template <class Archive>
  void load(Archive& archive) {
    detail::ArrayInfo info;
    archive(info);
    detail::check_info(info, detail::element_type_of<T>);
    *this = info.extents.empty() ? Array{} : Array{std::move(info)};
  }

 private:
  [[nodiscard]] std::shared_ptr<detail::KeptArray const> const& required() const {
    detail::check_valid(info());
    return array_;
  }

  std::shared_ptr<detail::KeptArray const> array_{};
};

}  // namespace farm
