#pragma once

#include <farm/detail/array_access.hpp>
#include <farm/detail/array_data.hpp>
#include <farm/detail/array_info.hpp>
#include <farm/detail/large_pages.hpp>
#include <farm/detail/save_array.hpp>
#include <farm/detail/slab_shape.hpp>
#include <farm/detail/stage_elements.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/save_options.hpp>
#include <farm/slab.hpp>
#include <farm/view.hpp>

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// A handle to an array of numbers. The elements lie in an HDF5 file or, if there are few, in the handle itself. A
/// handle is cheap to copy and can be an argument or a result of a task. No function is collective: each process reads
/// for itself. Functions that read block until the elements are there.
///
/// Reading verifies the file. StageError is thrown if the file is missing, truncated or modified, or if its elements
/// have another type. Nobody may change the elements while handles are in use. Different handles may be used by
/// different threads at the same time.
template <class T>
class Array {
  static_assert(Element<T> && !std::is_const_v<T>);

 public:
  /// Constructs an empty handle: valid() is false, and only assignment, copying and serialization are allowed.
  /// Functions that read throw UsageError.
  Array() = default;
  /// Stages the values as an array of one axis. See stage() for where the elements lie and for errors.
  Array(std::vector<T> const& values)  // NOLINT(google-explicit-constructor)
      : Array(detail::stage_elements(values.data(), detail::element_type_of<T>, {values.size()}, {})) {}

  /// Opens an existing dataset of T in any byte order: contiguous, chunked or compressed, also behind links to other
  /// files, virtual, or in external files. A compound {r, i} is a complex number. The farm never changes or removes the
  /// file. What this process has written to it through HDF5 is flushed. Throws StageError if the dataset does not
  /// exist, has another type, does not have 1 to 8 axes, or needs a file or a filter that is not there.
  [[nodiscard]] static Array open(std::filesystem::path const& file, std::string const& dataset) {
    return Array{detail::open_array(file, dataset, detail::element_type_of<T>)};
  }

  /// Returns true unless the handle is empty.
  [[nodiscard]] bool valid() const noexcept { return array_ != nullptr && !array_->info.extents.empty(); }
  /// Returns the extents; none if the handle is empty.
  [[nodiscard]] Extents const& extents() const { return info().extents; }
  /// Returns the number of axes.
  [[nodiscard]] std::size_t dimensions() const { return extents().size(); }
  /// Returns the number of elements.
  [[nodiscard]] std::uint64_t size() const { return valid() ? detail::element_count(extents()) : 0; }
  /// Returns the size of all elements in bytes.
  [[nodiscard]] std::uint64_t bytes() const { return size() * sizeof(T); }
  /// Returns the absolute path of the file that was opened, which may hold a link to the elements; empty if
  /// is_inline().
  [[nodiscard]] std::filesystem::path path() const { return info().file; }
  /// Returns the name of the dataset in the file.
  [[nodiscard]] std::string const& dataset() const { return info().dataset; }
  /// Returns true if the elements lie in the handle, not in a file.
  [[nodiscard]] bool is_inline() const { return valid() && info().file.empty(); }

  /// Reads all elements, in row-major order. Throws StageError.
  [[nodiscard]] std::vector<T> read() const { return read(Extents(dimensions()), extents()); }

  /// Reads a block, in row-major order. The block begins at index offset[i] along axis i and has count[i] elements
  /// there. Throws StageError, and UsageError if the block reaches beyond the array.
  [[nodiscard]] std::vector<T> read(Extents const& offset, Extents const& count) const {
    detail::check_part(info(), offset, count);
    std::vector<T> values;
    auto const elements = detail::element_count(count);
    values.reserve(elements);
    detail::use_large_pages(values.data(), elements * sizeof(T));
    // appending mapped pieces writes each element once and needs no second buffer
    bool const appended = detail::append_part(info(), offset, count, [&](void const* part, std::uint64_t bytes) {
      auto const* const from = static_cast<T const*>(part);
      values.insert(values.end(), from, from + bytes / sizeof(T));
    });
    if (appended) return values;
    values.resize(elements);
    detail::read_part(info(), offset, count, values.data());
    return values;
  }

  /// Returns all elements in memory that the caller owns and may change. If the file holds the elements as memory does,
  /// they are mapped privately, if the file system can: only pages that the caller writes are copied. Throws
  /// StageError.
  [[nodiscard]] Slab<T> copy() const {
    auto memory = detail::copy_elements(required()->info);
    return detail::ArrayAccess::slab<T>({extents(), 0, extents()[0]}, std::move(memory));
  }

  /// Returns all elements, read-only. They are mapped if the file holds them as memory does, else read. Throws
  /// StageError.
  [[nodiscard]] View<T> view() const { return detail::ArrayAccess::view<T>(required()); }

  /// Returns the rows that Decomposition assigns to this rank of `comm`, mapped if possible. Each rank calls it for
  /// itself; ranks do not wait for each other. Throws StageError.
  [[nodiscard]] Slab<T const> slab(MPI_Comm comm) const {
    auto const shape = detail::shape_of_rank(comm, extents(), sizeof(T));
    return rows(shape.first_row(), shape.rows());
  }

  /// Returns rows first .. first + count - 1, mapped if possible. Throws StageError, and UsageError if the array has no
  /// such rows.
  [[nodiscard]] Slab<T const> rows(std::uint64_t first, std::uint64_t count) const {
    return detail::ArrayAccess::rows<T>(required(), first, count);
  }

  /// Copies the array and its attributes to a new dataset, 32 MiB at a time, with what `options` adds: attributes,
  /// axes, and a table. The file may exist, and its directory must; no directory is made. The dataset must not exist;
  /// groups in its name are made. A new file, or a new dataset in an existing file, gets its name once everything is on
  /// disk. Blocks until the copy is durable. Throws UsageError if the options do not suit the array, before anything is
  /// written. Throws StageError if the file cannot be written or has something of a name that is needed; then neither a
  /// new file nor a new dataset exists.
  void save_as(std::filesystem::path const& file, std::string const& dataset, SaveOptions const& options = {}) const {
    detail::save_array(required()->info, file, dataset, options);
  }

  /// Packs the handle, not the elements of a file. For serialization.
  template <class Archive>
  void save(Archive& archive) const {
    // Only the library's own archive collects keepers; a user may save handles with any other archive of cereal.
    if constexpr (requires { archive.note_keeper(array_->keeper); }) {
      if (array_ != nullptr) archive.note_keeper(array_->keeper);
    }
    archive(info());
  }
  /// Unpacks a handle. Throws SerializationError if the packed array has elements of another type.
  template <class Archive>
  void load(Archive& archive) {
    detail::ArrayInfo info;
    archive(info);
    detail::check_info(info, detail::element_type_of<T>);
    *this = info.extents.empty() ? Array{} : Array{std::move(info)};
  }

 private:
  friend struct detail::ArrayAccess;
  explicit Array(detail::ArrayInfo info) : array_(detail::keep_array(std::move(info))) {}

  [[nodiscard]] detail::ArrayInfo const& info() const {
    static detail::ArrayInfo const none;
    return array_ == nullptr ? none : array_->info;
  }
  [[nodiscard]] std::shared_ptr<detail::KeptArray const> const& required() const {
    detail::check_valid(info());
    return array_;
  }

  std::shared_ptr<detail::KeptArray const> array_{};
};

}  // namespace farm
