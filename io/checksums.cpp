#include "io/checksums.hpp"

#include <fmt/format.h>
#include <xxhash.h>

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "io/dataset.hpp"
#include "io/file_bytes.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t stripe_bytes = std::uint64_t{4} << 20U;
constexpr std::uint64_t values_per_stripe = 3;
static_assert(sizeof(Stripe) == values_per_stripe * sizeof(std::uint64_t));

std::uint64_t rows_per_stripe(std::uint64_t row_bytes) { return std::max<std::uint64_t>(1, stripe_bytes / row_bytes); }

/// What is known of a file's stripes.
struct FileStripes {
  struct stat status {};
  std::vector<Stripe> stripes{};
  std::mutex mutex{};
  std::vector<bool> verified{};  // under the mutex
};

bool is_same_file(struct stat const& a, struct stat const& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::vector<Stripe> read_stripes(ArrayInfo const& info) {
  Place const place{info.file, checksums_dataset};
  Hdf5Lock const lock;
  auto const file = open_file(place, false);
  if (H5Lexists(file, place.dataset.c_str(), H5P_DEFAULT) == 0) return {};
  auto const dataset = open_dataset(file, place);
  auto const found = describe(dataset, place, ElementType::uint64);
  if (found.extents.size() != 2 || found.extents[1] != values_per_stripe)
    throw stage_error(place, "is none of the farm's");
  std::vector<Stripe> stripes(found.extents[0]);
  read_block(dataset, place, ElementType::uint64, {0, 0}, found.extents, stripes.data());
  return stripes;
}

/// Of files that were read in this process. Forgets all when it holds many: what is read again is verified again.
class KnownFiles {
 public:
  std::shared_ptr<FileStripes> find(ArrayInfo const& info) {
    struct stat status {};
    if (stat(info.file.c_str(), &status) != 0) throw system_error(place_of(info), "cannot be looked at", errno);
    if (auto known = find_known(info.file, status)) return known;
    auto file = std::make_shared<FileStripes>();
    file->status = status;
    file->stripes = read_stripes(info);
    file->verified.resize(file->stripes.size());
    std::lock_guard const lock{mutex_};
    if (files_.size() >= most) files_.clear();
    return files_[info.file] = std::move(file);
  }

 private:
  std::shared_ptr<FileStripes> find_known(std::string const& path, struct stat const& status) {
    std::lock_guard const lock{mutex_};
    auto const known = files_.find(path);
    return known != files_.end() && is_same_file(known->second->status, status) ? known->second : nullptr;
  }

  static constexpr std::size_t most = 1000;
  std::mutex mutex_{};
  std::map<std::string, std::shared_ptr<FileStripes>> files_{};
};

KnownFiles known_files;

std::uint64_t hash_of_file_part(Place const& place, std::uint64_t offset, std::uint64_t bytes) {
  std::vector<char> buffer(std::min<std::uint64_t>(bytes, std::uint64_t{1} << 20U));
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> const state{XXH3_createState(), XXH3_freeState};
  XXH3_64bits_reset(state.get());
  for (std::uint64_t done = 0; done < bytes; done += buffer.size()) {
    auto const size = std::min<std::uint64_t>(bytes - done, buffer.size());
    read_file(place, offset + done, size, buffer.data());
    XXH3_64bits_update(state.get(), buffer.data(), size);
  }
  return XXH3_64bits_digest(state.get());
}

}  // namespace

bool checksums_wanted() {
  char const* const wanted = getenv("FARM_CHECKSUM");
  return wanted == nullptr || std::string_view{wanted} != "0";
}

std::vector<Stripe> hash_stripes(std::uint64_t first_row, std::uint64_t rows, std::uint64_t row_bytes,
                                 void const* data) {
  std::vector<Stripe> stripes;
  if (row_bytes == 0) return stripes;
  auto const step = rows_per_stripe(row_bytes);
  auto const* const bytes = static_cast<char const*>(data);
  for (std::uint64_t row = 0; row < rows; row += step) {
    auto const count = std::min(step, rows - row);
    stripes.push_back({first_row + row, count, XXH3_64bits(bytes + row * row_bytes, count * row_bytes)});
  }
  return stripes;
}

std::uint64_t count_stripes(std::uint64_t rows, std::uint64_t row_bytes) {
  if (row_bytes == 0) return 0;
  auto const step = rows_per_stripe(row_bytes);
  return (rows + step - 1) / step;
}

Extents extents_of_checksums(std::uint64_t stripes) { return {stripes, values_per_stripe}; }

void verify_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, void const* data) {
  auto const row_bytes = element_count(info.extents, 1) * element_size(info.type);
  if (!info.staged || count * row_bytes == 0 || !checksums_wanted()) return;
  auto const file = known_files.find(info);
  auto const* const bytes = static_cast<char const*>(data);
  auto const begin = std::upper_bound(file->stripes.begin(), file->stripes.end(), first,
                                      [](std::uint64_t row, Stripe const& s) { return row < s.first_row + s.rows; });
  for (auto stripe = begin; stripe != file->stripes.end() && stripe->first_row < first + count; ++stripe) {
    auto const index = static_cast<std::size_t>(stripe - file->stripes.begin());
    {
      std::lock_guard const lock{file->mutex};
      if (file->verified[index]) continue;
    }
    bool const here = stripe->first_row >= first && stripe->first_row + stripe->rows <= first + count;
    auto const hash = here ? XXH3_64bits(bytes + (stripe->first_row - first) * row_bytes, stripe->rows * row_bytes)
                           : hash_of_file_part(place_of(info), info.data_offset + stripe->first_row * row_bytes,
                                               stripe->rows * row_bytes);
    if (hash != stripe->hash) {
      throw stage_error(
          place_of(info),
          fmt::format("rows {} to {} are not what was written: checksum {:016x} was expected, found {:016x}",
                      stripe->first_row, stripe->first_row + stripe->rows - 1, stripe->hash, hash));
    }
    std::lock_guard const lock{file->mutex};
    file->verified[index] = true;
  }
}

}  // namespace farm::detail
