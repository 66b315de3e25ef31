#include <farm/detail/large_pages.hpp>
#include <farm/detail/slab_memory.hpp>
#include <farm/detail/task_stage.hpp>
#include <farm/stage_directory.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>
#include <optional>
#include <vector>

#include "core/base/descriptor.hpp"
#include "io/arrays/rank_agreement.hpp"
#include "io/files/hash.hpp"
#include "io/stage/file_image.hpp"
#include "io/stage/spare_files.hpp"

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

SlabMemory own_memory(std::uint64_t bytes, bool zeroed) {
  // calloc() gets pages that the kernel zeroes when they are touched
  std::shared_ptr<void> memory{zeroed ? std::calloc(bytes, 1) : std::malloc(bytes), std::free};
  if (memory == nullptr) throw std::bad_alloc();
  use_large_pages(memory.get(), bytes);
  return {std::move(memory), nullptr};
}

/// Returns true for file systems that overwrite existing blocks in place. On others a full disk could kill a process
/// that writes to a mapping.
bool overwrites_in_place(fs::path const& directory) {
  auto const name = file_system_of(directory);
  return name == "tmpfs" || name == "ext4" || name == "xfs" || name == "ramfs";
}

/// Returns the same path on all ranks that make slabs of the same array in the same communicator, without
/// communication.
fs::path path_of(fs::path const& directory, MPI_Comm comm, SlabShape const& shape, std::size_t element_size) {
  std::vector<std::uint64_t> values = shape.extents();
  values.push_back(element_size);
  for (int const rank : RankAgreement{comm}.in_world()) values.push_back(static_cast<std::uint64_t>(rank));
  Hash hash;
  hash.add(values.data(), values.size() * sizeof(std::uint64_t));
  auto const key = hash.take();
  return directory / fmt::format(".{}slab-{:016x}-{}.part", TaskStage::prefix(), key, TaskStage::count(key));
}

/// Opens the spare file that another rank has taken for this array, or takes one. The lock prevents others from reusing
/// the file.
Descriptor open_file_of_slab(fs::path const& path, std::uint64_t bytes, struct stat& status) {
  for (int attempt = 0; attempt < 2; ++attempt) {
    Descriptor file{open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC)};
    if (!file) {
      static_cast<void>(take_spare(path.parent_path(), bytes, path));  // fails if another rank was faster
      continue;
    }
    if (flock(file.get(), LOCK_SH | LOCK_NB) != 0 || fstat(file.get(), &status) != 0) return {};
    // before it was locked, the file may have been reused
    struct stat named {};
    bool const same = stat(path.c_str(), &named) == 0 && named.st_ino == status.st_ino;
    return same && static_cast<std::uint64_t>(status.st_size) >= bytes ? std::move(file) : Descriptor{};
  }
  return {};
}

struct Unmap {
  void* pages;
  std::uint64_t length;
  std::shared_ptr<SlabFile const> file;
  void operator()(void* /*memory*/) const noexcept {
    munmap(pages, length);
    retire_unless_mapped(file->path);  // does nothing if the file has become an array's and been renamed
  }
};

std::optional<SlabMemory> map_slab(Descriptor const& opened, SlabFile const& slab_file, std::uint64_t offset,
                                   std::uint64_t bytes) {
  auto const into_page = offset % static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  auto const from = static_cast<off_t>(offset - into_page);
  auto const length = bytes + into_page;
  // The file may have holes. Writing to a hole of a mapping on a full disk would kill the process.
  if (fallocate(opened.get(), FALLOC_FL_KEEP_SIZE, from, static_cast<off_t>(length)) != 0) return std::nullopt;
  auto file = std::make_shared<SlabFile const>(slab_file);
  void* const pages = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED, opened.get(), from);
  if (pages == MAP_FAILED) return std::nullopt;  // NOLINT(performance-no-int-to-ptr)
#ifdef MADV_POPULATE_WRITE
  madvise(pages, length, MADV_POPULATE_WRITE);  // one fault per page would take longer
#endif
  std::shared_ptr<void> memory{static_cast<char*>(pages) + into_page, Unmap{pages, length, file}};
  return SlabMemory{std::move(memory), std::move(file)};
}

/// Maps the rows from a spare file. Gives the file back if it cannot be mapped.
std::optional<SlabMemory> find_slab(fs::path const& path, std::uint64_t file_bytes, std::uint64_t offset,
                                    std::uint64_t bytes) {
  struct stat status {};
  auto opened = open_file_of_slab(path, file_bytes, status);
  if (!opened) return std::nullopt;
  if (auto slab = map_slab(opened, {path.string(), status.st_ino}, offset, bytes)) return slab;
  opened = Descriptor{};  // releases the lock
  retire_unless_mapped(path);
  return std::nullopt;
}

}  // namespace

SlabMemory make_slab_memory(MPI_Comm comm, SlabShape const& shape, std::size_t element_size, bool zeroed) {
  auto const bytes = shape.size() * element_size;
  auto const all = element_count(shape.extents()) * element_size;
  auto const directory = all < smallest_spare ? fs::path{} : default_stage_directory();
  if (directory.empty() || TaskStage::prefix().empty() || !overwrites_in_place(directory))
    return own_memory(std::max<std::uint64_t>(bytes, 1), zeroed);
  auto const path =
      path_of(directory, comm, shape, element_size);  // increments a count, so ranks without rows need it, too
  if (bytes == 0) return own_memory(1, zeroed);
  auto const offset = data_offset_of(all) + shape.first_row() * shape.row_size() * element_size;
  auto mapped = find_slab(path, data_offset_of(all) + all, offset, bytes);
  if (!mapped) return own_memory(bytes, zeroed);
  if (zeroed) std::memset(mapped->memory.get(), 0, bytes);
  return std::move(*mapped);
}

}  // namespace farm::detail
