#include "spawn/cache/cache_listing.hpp"

#include "spawn/cache/result_cache.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <ctime>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

/// As much of each entry is read at once; most headers are shorter.
constexpr std::size_t first_read = 4096;
/// No program takes so many seconds to write a file and to give it its name.
constexpr std::int64_t age_of_leftovers = 3600;

/// Returns the result in a file; none if the file has gone.
std::optional<ListedResult> result_in(CacheDirectory::File const& file) {
  struct stat status {};
  auto begin = read_file_of_cache(file.path, first_read);
  if (!begin || stat(file.path.c_str(), &status) != 0) return std::nullopt;
  ListedResult result{
      .file = file, .bytes = static_cast<std::uint64_t>(status.st_size), .made = std::int64_t{status.st_mtim.tv_sec}};
  try {
    auto const end = header_end(*begin);
    if (end > result.bytes) throw DamagedEntry("its end is missing");
    if (end > begin->size()) begin = read_file_of_cache(file.path, end);
    if (!begin) return std::nullopt;
    result.header = read_header(*begin, result.bytes);
    result.made = result.header.made;
    for (auto const& array : result.header.arrays) result.array_bytes += array.file_bytes;
  } catch (DamagedEntry const& damage) {
    result.damage = damage.what();
  }
  return result;
}

/// Returns the size of the file that was removed; 0 if there was none.
std::uint64_t remove_file(fs::path const& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0 || unlink(path.c_str()) != 0) {
    if (errno == ENOENT) return 0;
    throw std::system_error{errno, std::generic_category(), path.string()};
  }
  return static_cast<std::uint64_t>(status.st_size);
}

bool is_old(fs::path const& path, std::int64_t now) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && status.st_ctim.tv_sec + age_of_leftovers < now;
}

}  // namespace

void for_each_result(CacheDirectory const& cache, std::function<void(ListedResult const&)> const& use) {
  cache.for_each([&](CacheDirectory::File const& file) {
    if (file.kind != CacheDirectory::Kind::entry) return;
    if (auto const result = result_in(file)) use(*result);
  });
}

bool ResultSelection::selects(ListedResult const& result, std::int64_t now) const {
  if (older_than && result.made > now - older_than->count()) return false;
  return function.empty() || (result.damage.empty() && result.header.function == function);
}

RemovedResults remove_results(CacheDirectory const& cache, ResultSelection const& selection) {
  std::int64_t const now = time(nullptr);
  RemovedResults removed;
  std::set<fs::path> used;  // arrays of the results that stay
  std::vector<ListedResult> meant;
  for_each_result(cache, [&](ListedResult const& result) {
    if (selection.selects(result, now)) {
      meant.push_back(result);
    } else {
      for (auto const& array : result.header.arrays) used.insert(result.file.path.parent_path() / array.file);
    }
  });
  for (auto const& result : meant) {
    removed.bytes += remove_file(result.file.path);
    ++removed.results;
    for (auto const& array : result.header.arrays) {
      if (!array.file.empty()) removed.bytes += remove_file(result.file.path.parent_path() / array.file);
    }
  }
  cache.for_each([&](CacheDirectory::File const& file) {
    bool const is_leftover = file.kind == CacheDirectory::Kind::part ||
                             (file.kind == CacheDirectory::Kind::array && !used.contains(file.path));
    if (is_leftover && is_old(file.path, now)) removed.bytes += remove_file(file.path);
  });
  return removed;
}

}  // namespace farm::detail
