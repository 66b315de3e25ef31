#pragma once

#include <cstdint>
#include <filesystem>

/// Files of arrays that have gone, kept in `<directory of the run>/spare` to become those of later ones: their pages
/// are there, and need not be found, zeroed and accounted for anew, which takes longer than the copying. Only on file
/// systems of one host. Every process of the run gives and takes; renaming decides between them.
namespace farm::detail {

/// Files below this are removed: making them anew costs no more.
inline constexpr std::uint64_t smallest_spare = std::uint64_t{1} << 20U;

/// The file becomes a spare one, or is removed: where it is small, mapped by anybody, or where the spare ones would be
/// more than 4 GiB or an eighth of what is free. The oldest make room.
void retire_file(std::filesystem::path const& file) noexcept;

/// A slab's file that no array came of: retired by the last that maps it.
void retire_unless_mapped(std::filesystem::path const& file) noexcept;

/// Gives one of at least so many bytes, but not of more than twice as many, the name `as`, which is another file's in
/// no case. False where there is none.
[[nodiscard]] bool take_spare(std::filesystem::path const& directory, std::uint64_t bytes,
                              std::filesystem::path const& as) noexcept;

/// When space is short. True where there were any.
bool drop_spares(std::filesystem::path const& directory) noexcept;

}  // namespace farm::detail
