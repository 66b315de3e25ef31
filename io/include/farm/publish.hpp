#pragma once

#include <farm/array.hpp>
#include <farm/detail/array_access.hpp>
#include <farm/detail/array_info.hpp>
#include <farm/detail/save_array.hpp>
#include <farm/detail/slab_memory.hpp>
#include <farm/detail/slab_shape.hpp>
#include <farm/detail/stage_elements.hpp>
#include <farm/element.hpp>
#include <farm/extents.hpp>
#include <farm/save_options.hpp>
#include <farm/slab.hpp>
#include <farm/stage_options.hpp>

#include <mpi.h>

#include <filesystem>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

/// How arrays are made: by all ranks of a communicator, by one process, or from other arrays.
namespace farm {
namespace detail {

/// Makes an array from the slabs of all ranks, as farm::publish() does. `file` is the file that the elements are mapped
/// from and that the array may take over; null for none.
[[nodiscard]] ArrayInfo publish_slab(MPI_Comm comm, SlabShape const& shape, ElementType type, void const* elements,
                                     SlabFile const* file, StageOptions const& options);

/// Publishes a slab that is not used afterwards. If the slab is mapped from a file, that file becomes the array's file.
template <class T>
[[nodiscard]] Array<T> give(MPI_Comm comm, Slab<T> const& slab, StageOptions const& options) {
  return ArrayAccess::make<T>(
      publish_slab(comm, slab, element_type_of<T>, slab.data(), ArrayAccess::file(slab), options));
}
/// Publishes a read-only slab. Its file belongs to another array and is never taken over.
template <class T>
[[nodiscard]] Array<T> give(MPI_Comm comm, Slab<T const> const& slab, StageOptions const& options) {
  return ArrayAccess::make<T>(publish_slab(comm, slab, element_type_of<T>, slab.data(), nullptr, options));
}

}  // namespace detail

/// Makes one array from the slabs of all ranks. Collective over `comm`. Together, in the order of ranks, the slabs must
/// be all rows of one array, as Slab's constructor and Array::slab() make them. The options of rank 0 apply.
///
/// Blocks until the file is complete; if a rank dies in the meantime, the others block forever. Only one thread of a
/// process may publish at a time. All ranks get the array, or all throw: UsageError if the slabs do not fit together,
/// else StageError, and then no file is left. The caller keeps the slab.
///
/// The file belongs to the process whose StageRun has the directory, as soon as that process gets a handle.
template <class T>
[[nodiscard]] Array<std::remove_const_t<T>> publish(MPI_Comm comm, Slab<T> const& slab,
                                                    StageOptions const& options = {}) {
  using Value = std::remove_const_t<T>;
  return detail::ArrayAccess::make<Value>(
      detail::publish_slab(comm, slab, detail::element_type_of<T>, slab.data(), nullptr, options));
}

/// Makes an array of these values, in row-major order. Called by one process alone. Blocks until the file is complete
/// and does not use `values` afterwards. Throws UsageError if the number of values does not match the extents or if no
/// directory is known, and StageError if the file cannot be written; then no file is left.
template <class T>
[[nodiscard]] Array<T> stage(std::span<T const> values, Extents const& extents, StageOptions const& options = {}) {
  detail::check_extents(extents, sizeof(T));
  detail::check_count(values.size(), extents);
  return detail::ArrayAccess::make<T>(
      detail::stage_elements(values.data(), detail::element_type_of<T>, extents, options));
}

/// As above, for a vector.
template <class T>
[[nodiscard]] Array<T> stage(std::vector<T> const& values, Extents const& extents, StageOptions const& options = {}) {
  return stage(std::span<T const>{values}, extents, options);
}

/// Copies arrays of the same extents into one new dataset. The dataset has one more axis than the arrays: the new first
/// axis is the index into `parts`. `options` add attributes, axes, and a table with a row for each part:
///
///     farm::gather(fields, "all.h5", "/psi", {.axes = {{"reynolds", reynolds}}, .table = {{"minimum", minimum}}});
///
/// Called by one process alone. Memory, file and errors are those of Array::save_as(); the result is that of
/// Array::open(). Throws UsageError if `parts` is empty, if the extents differ, or if the arrays have 8 axes.
template <class T>
Array<T> gather(std::vector<Array<T>> const& parts, std::filesystem::path const& file, std::string const& dataset,
                SaveOptions const& options = {}) {
  std::vector<detail::ArrayInfo> infos;
  infos.reserve(parts.size());
  for (auto const& part : parts) infos.push_back(detail::ArrayAccess::info(part));
  return detail::ArrayAccess::make<T>(detail::gather_arrays(infos, detail::element_type_of<T>, file, dataset, options));
}

}  // namespace farm
