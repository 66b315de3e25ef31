#include "io/files/checksums.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "core/base/settings.hpp"
#include "io/datasets/dataset.hpp"
#include "io/files/file_bytes.hpp"
#include "io/files/hash.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t stripe_bytes = std::uint64_t{4} << 20U;
constexpr std::uint64_t values_per_stripe = 3;
static_assert(sizeof(Stripe) == values_per_stripe * sizeof(std::uint64_t));

std::uint64_t rows_per_stripe(std::uint64_t row_bytes) { return std::max<std::uint64_t>(1, stripe_bytes / row_bytes); }

/// The checksums of one file, and which stripes this process has verified.
struct FileStripes {
  struct stat status {};
  std::vector<Stripe> stripes{};
  std::mutex mutex{};
  std::vector<bool> verified{};  // guarded by the mutex
};

bool is_same_file(struct stat const& a, struct stat const& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

std::vector<Stripe> read_stripes(ArrayInfo const& info) {
  std::vector<Stripe> stripes(info.stripes);
  if (!stripes.empty())
    read_file({info.file, checksums_dataset}, info.checksums_offset, stripes.size() * sizeof(Stripe), stripes.data());
  return stripes;
}

/// The files that this process has read. Clears itself when it is full; stripes are then verified again.
class VerifiedFiles {
 public:
  std::shared_ptr<FileStripes> find(ArrayInfo const& info) {
    struct stat status {};
    if (stat(info.file.c_str(), &status) != 0) throw system_error(site_of(info), "cannot be opened", errno);
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

VerifiedFiles verified_files;

/// The size of a large page: file systems with large pages use one for each such write. Fits in the processor's cache.
constexpr std::uint64_t piece_bytes = std::uint64_t{2} << 20U;

std::uint64_t hash_of_file_part(ErrorSite const& site, std::uint64_t offset, std::uint64_t bytes) {
  std::vector<char> buffer(std::min(bytes, piece_bytes));
  FileReader const file{site, offset, bytes};
  Hash hash;
  for (std::uint64_t done = 0; done < bytes; done += buffer.size()) {
    auto const size = std::min<std::uint64_t>(bytes - done, buffer.size());
    file.read(offset + done, size, buffer.data());
    hash.add(buffer.data(), size);
  }
  return hash.take();
}

std::uint64_t hash_of(void const* data, std::uint64_t bytes) {
  Hash hash;
  hash.add(data, bytes);
  return hash.take();
}

}  // namespace

bool checksums_wanted() { return setting_switch(Setting::checksum, true); }

std::vector<Stripe> hash_stripes(Rows const& rows, std::function<void(std::uint64_t, std::uint64_t)> const& f) {
  std::vector<Stripe> stripes;
  if (rows.row_bytes == 0) return stripes;
  auto const step = rows_per_stripe(rows.row_bytes);
  Hash hash;
  for (std::uint64_t row = 0; row < rows.count; row += step) {
    auto const count = std::min(step, rows.count - row);
    auto const end = (row + count) * rows.row_bytes;
    for (auto at = row * rows.row_bytes; at < end;) {
      auto const into_page = (rows.first * rows.row_bytes + at) % piece_bytes;
      auto const bytes = std::min(piece_bytes - into_page, end - at);
      if (f) f(at, bytes);
      hash.add(rows.data + at, bytes);
      at += bytes;
    }
    stripes.push_back({rows.first + row, count, hash.take()});
  }
  return stripes;
}

std::vector<Stripe> hash_stripes(Rows const& rows) { return hash_stripes(rows, {}); }

std::uint64_t count_stripes(std::uint64_t rows, std::uint64_t row_bytes) {
  if (row_bytes == 0) return 0;
  auto const step = rows_per_stripe(row_bytes);
  return (rows + step - 1) / step;
}

Extents extents_of_checksums(std::uint64_t stripes) { return {stripes, values_per_stripe}; }

namespace {

/// Verifies the stripes that these rows touch and that have not been verified before. `f(stripe, contained)` returns
/// the stripe's present hash; `contained` says whether all rows of the stripe are among these rows.
template <class F>
void verify_stripes(ArrayInfo const& info, FileStripes& file, std::uint64_t first, std::uint64_t count, F f) {
  auto const begin = std::upper_bound(file.stripes.begin(), file.stripes.end(), first,
                                      [](std::uint64_t row, Stripe const& s) { return row < s.first_row + s.rows; });
  for (auto stripe = begin; stripe != file.stripes.end() && stripe->first_row < first + count; ++stripe) {
    auto const index = static_cast<std::size_t>(stripe - file.stripes.begin());
    {
      std::lock_guard const lock{file.mutex};
      if (file.verified[index]) continue;
    }
    auto const hash = f(*stripe, stripe->first_row >= first && stripe->first_row + stripe->rows <= first + count);
    if (hash != stripe->hash) {
      throw stage_error(site_of(info),
                        fmt::format("rows {} to {} are corrupt: checksum {:016x} was expected, found {:016x}",
                                    stripe->first_row, stripe->first_row + stripe->rows - 1, stripe->hash, hash));
    }
    std::lock_guard const lock{file.mutex};
    file.verified[index] = true;
  }
}

}  // namespace

void verify_rows(ArrayInfo const& info, std::uint64_t first, std::uint64_t count, void const* data) {
  auto const row_bytes = element_count(info.extents, 1) * element_size(info.type);
  if (info.stripes == 0 || count * row_bytes == 0 || !checksums_wanted()) return;
  auto const* const bytes = static_cast<char const*>(data);
  verify_stripes(info, *verified_files.find(info), first, count, [&](Stripe const& stripe, bool contained) {
    auto const size = stripe.rows * row_bytes;
    return contained ? hash_of(bytes + (stripe.first_row - first) * row_bytes, size)
                     : hash_of_file_part(site_of(info), info.data_offset + stripe.first_row * row_bytes, size);
  });
}

void for_each_stripe(ArrayInfo const& info, std::uint64_t first, std::uint64_t count,
                     std::function<void(std::uint64_t, std::uint64_t)> const& f) {
  auto const end = first + count;
  if (info.stripes != 0 && checksums_wanted()) {
    for (auto const& stripe : verified_files.find(info)->stripes) {
      auto const stripe_end = std::min(end, stripe.first_row + stripe.rows);
      if (stripe_end <= first) continue;
      if (first >= end) break;
      f(first, stripe_end - first);
      first = stripe_end;
    }
  }
  if (first < end) f(first, end - first);
}

}  // namespace farm::detail
