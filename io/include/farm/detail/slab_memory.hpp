#pragma once

#include <farm/detail/slab_shape.hpp>

#include <mpi.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace farm::detail {

/// A file from which the ranks of a group have mapped their rows of a new array. The file can become the array's file.
struct SlabFile {
  std::string path{};
  std::uint64_t inode = 0;
};

/// The memory of a slab.
struct SlabMemory {
  std::shared_ptr<void> memory{};
  std::shared_ptr<SlabFile const> file{};  ///< null: the memory is not mapped from a file
};

/// Returns memory for the elements of a new slab. In a task, the memory is mapped from a spare file if the array is
/// large enough for a file of its own and a suitable spare file exists. Otherwise the memory is the process's own; its
/// pages are allocated when they are first touched. Not collective. Throws std::bad_alloc.
[[nodiscard]] SlabMemory make_slab_memory(MPI_Comm comm, SlabShape const& shape, std::size_t element_size, bool zeroed);

}  // namespace farm::detail
