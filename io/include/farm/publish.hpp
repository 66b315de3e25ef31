#pragma once

#include <farm/array.hpp>
#include <farm/error.hpp>
#include <farm/slab.hpp>
#include <farm/stage_options.hpp>

#include <mpi.h>

#include <filesystem>
#include <iterator>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// How arrays are made: by the ranks of a communicator, by one process, or of other arrays.
namespace farm {
namespace detail {

/// `file`: which the elements are mapped from, and which the array may take; null: none.
[[nodiscard]] ArrayInfo publish_slab(MPI_Comm comm, SlabShape const& shape, ElementType type, void const* elements,
                                     SlabFile const* file, StageOptions const& options);
/// As publish(), but the slab is not used afterwards: where it is mapped from a file, that becomes the array's.
template <class T>
[[nodiscard]] Array<T> give(MPI_Comm comm, Slab<T> const& slab, StageOptions const& options) {
  return Array<T>{publish_slab(comm, slab, element_type_of<T>, slab.data(), slab.file(), options)};
}
template <class T>
[[nodiscard]] Array<T> give(MPI_Comm comm, Slab<T const> const& slab, StageOptions const& options) {
  return Array<T>{publish_slab(comm, slab, element_type_of<T>, slab.data(), nullptr, options)};
}
[[nodiscard]] ArrayInfo gather_arrays(std::vector<ArrayInfo> const& parts, ElementType type, std::string const& file,
                                      std::string const& dataset);
void check_count(std::size_t elements, Extents const& extents);

}  // namespace detail

/// Collective over `comm`: the ranks' slabs, which must be all rows of one array in the order of ranks (as Slab's
/// constructor and Array::slab() make them), become an array. All ranks get it, or all throw: UsageError where the
/// slabs do not fit together, else StageError, and then no file is left. Rank 0's options hold. Blocks until the file
/// is complete; where a rank dies meanwhile, for ever. One thread of a process at a time.
///
/// The file belongs to the process whose StageRun the directory is, from the moment that it gets the handle.
template <class T>
[[nodiscard]] Array<std::remove_const_t<T>> publish(MPI_Comm comm, Slab<T> const& slab,
                                                    StageOptions const& options = {}) {
  return Array<std::remove_const_t<T>>{
      detail::publish_slab(comm, slab, detail::element_type_of<T>, slab.data(), nullptr, options)};
}

/// An array of these values, in row-major order, made by this process alone. Throws StageError, and UsageError where
/// there are not as many values as the extents say. `values` are not used after the return.
template <class T>
[[nodiscard]] Array<T> stage(std::span<T const> values, Extents const& extents, StageOptions const& options = {}) {
  detail::check_extents(extents, sizeof(T));
  detail::check_count(values.size(), extents);
  return Array<T>{detail::stage_elements(values.data(), detail::element_type_of<T>, extents, options)};
}

template <class T>
[[nodiscard]] Array<T> stage(std::vector<T> const& values, Extents const& extents, StageOptions const& options = {}) {
  return stage(std::span<T const>{values}, extents, options);
}

/// Copies arrays of the same extents, at least one, into one dataset, which has one axis more than they have: the
/// first, along which they follow each other. Memory, file and errors as with Array::save_as(); the result is as
/// Array::open() gives it. UsageError where they are none, not alike, or have 8 axes.
template <class T>
[[nodiscard]] Array<T> gather(std::vector<Array<T>> const& parts, std::filesystem::path const& file,
                              std::string const& dataset) {
  std::vector<detail::ArrayInfo> infos;
  infos.reserve(parts.size());
  for (auto const& part : parts) infos.push_back(part.info());
  return Array<T>{detail::gather_arrays(infos, detail::element_type_of<T>, file, dataset)};
}

}  // namespace farm
