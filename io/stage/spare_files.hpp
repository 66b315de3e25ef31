#pragma once

#include <cstdint>
#include <filesystem>

/// Spare files: files of arrays that no longer exist, kept in `<directory of the run>/spare` for new arrays. Their
/// pages already exist. Finding, zeroing and accounting for new pages takes longer than copying the elements. Spare
/// files are used only on file systems of one host. All processes of the run add and take spare files; rename() decides
/// who gets one.
namespace farm::detail {

/// Smaller files are removed, since making them anew costs no more.
inline constexpr std::uint64_t smallest_spare = std::uint64_t{1} << 20U;

/// Makes the file a spare file. Removes the file instead if it is small, if any process has it mapped, or if the spare
/// files together would exceed 4 GiB or an eighth of the free space. Older spare files are removed to make room.
void retire_file(std::filesystem::path const& file) noexcept;

/// As above, but leaves a file alone that a process still has mapped: that process retires the file. For the file of a
/// slab that did not become an array.
void retire_unless_mapped(std::filesystem::path const& file) noexcept;

/// Takes a spare file of at least `bytes` and at most twice as many bytes, and gives it the name `as`. An existing file
/// of that name is never replaced. Returns false if there is no suitable spare file.
[[nodiscard]] bool take_spare(std::filesystem::path const& directory, std::uint64_t bytes,
                              std::filesystem::path const& as) noexcept;

/// Removes all spare files, to free space. Returns true if there were any.
bool drop_spares(std::filesystem::path const& directory) noexcept;

}  // namespace farm::detail
