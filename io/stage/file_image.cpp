#include "io/stage/file_image.hpp"

#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "io/datasets/dataset.hpp"
#include "io/files/checksums.hpp"
#include "io/files/file_bytes.hpp"
#include "io/hdf5/attributes.hpp"

namespace farm::detail {
namespace {

constexpr std::uint64_t most_before_data = std::uint64_t{64} << 10U;  // more than HDF5 needs there

/// Returns an alignment for the elements only: HDF5 must not align its own small blocks, which would leave large holes.
Alignment alignment_for(std::uint64_t bytes) {
  if (bytes < most_before_data) return {};
  return {.smallest = most_before_data, .multiple = data_offset_of(bytes)};
}

void make_datasets(FileImage& image, ErrorSite const& site, ElementType type, Extents const& extents, int ranks,
                   StageOptions const& options, std::uint64_t stripes) {
  auto const bytes = element_count(extents) * element_size(type);
  Hdf5Lock const lock;
  auto opened = create_file(site, alignment_for(bytes));
  auto dataset = create_dataset(opened, site, type, extents);
  image.data_offset = describe(dataset, site, type).data_offset;
  write_attributes(dataset, site, extents, ranks, options.attributes);
  if (stripes > 0) {
    ErrorSite const checksums{site.file, checksums_dataset};
    auto const made = create_dataset(opened, checksums, ElementType::uint64, extents_of_checksums(stripes));
    image.checksums_offset = describe(made, checksums, ElementType::uint64).data_offset;
  }
  bool const placed = image.data_offset != 0 && (stripes == 0 || image.checksums_offset != 0);
  check_hdf5(dataset.reset(), site, "cannot be closed");
  check_hdf5(opened.reset(), site, "cannot be closed");
  if (!placed) throw stage_error(site, "got no position in its file");
}

struct RemovedAtEnd {
  std::string file;
  ~RemovedAtEnd() { unlink(file.c_str()); }
};

FileImage::Part read_part(FileReader const& file, std::uint64_t begin, std::uint64_t end) {
  FileImage::Part part{begin, std::vector<char>(end - begin)};
  file.read(begin, end - begin, part.bytes.data());
  return part;
}

FileImage make_image(std::string const& scratch, ErrorSite const& site, ElementType type, Extents const& extents,
                     int ranks, StageOptions const& options, std::uint64_t stripes) {
  FileImage image;
  RemovedAtEnd const removed{scratch};
  try {
    make_datasets(image, {scratch, site.dataset}, type, extents, ranks, options, stripes);
  } catch (StageError const& error) {
    throw stage_error(site, fmt::format("cannot be prepared: {}", error.what()));
  }
  struct stat status {};
  if (stat(scratch.c_str(), &status) != 0) throw system_error(site, "cannot be examined", errno);
  image.size = static_cast<std::uint64_t>(status.st_size);
  auto const data_end = image.data_offset + element_count(extents) * element_size(type);
  FileReader const file{{scratch}, 0, image.size};
  // A few checksums may lie before the elements.
  image.parts.push_back(read_part(file, 0, std::min(image.data_offset, most_before_data)));
  image.parts.push_back(read_part(file, data_end, std::max(data_end, image.checksums_offset)));
  auto const rest = std::max(data_end, image.checksums_offset + stripes * sizeof(Stripe));
  image.parts.push_back(read_part(file, rest, std::max(rest, image.size)));
  return image;
}

/// The images made so far, of 64 KiB and more each. Clears itself when it is full.
class ImageCache {
 public:
  using Key = std::tuple<ElementType, Extents, int, std::uint64_t, std::vector<std::pair<std::string, std::string>>>;

  template <class Make>
  std::shared_ptr<FileImage const> find(Key const& key, Make make) {
    {
      std::lock_guard const lock{mutex_};
      if (auto const known = images_.find(key); known != images_.end()) return known->second.image;
    }
    auto made = std::make_shared<FileImage>(make());
    std::lock_guard const lock{mutex_};
    made->number = ++count_;
    if (images_.size() >= most) images_.clear();
    images_[key] = {made, false};
    return made;
  }

  void set_verified(std::uint64_t number) {
    std::lock_guard const lock{mutex_};
    for (auto& [key, known] : images_) {
      if (known.image->number == number) known.verified = true;
    }
  }

  std::shared_ptr<FileImage const> verified(std::uint64_t number) {
    std::lock_guard const lock{mutex_};
    for (auto const& [key, known] : images_) {
      if (known.image->number == number && known.verified) return known.image;
    }
    return nullptr;
  }

 private:
  struct Entry {
    std::shared_ptr<FileImage const> image{};
    bool verified = false;
  };

  static constexpr std::size_t most = 32;
  std::mutex mutex_{};
  std::map<Key, Entry> images_{};
  std::uint64_t count_ = 0;
};

ImageCache image_cache;

}  // namespace

std::shared_ptr<FileImage const> find_image(std::string const& scratch, ErrorSite const& site, ElementType type,
                                            Extents const& extents, int ranks, StageOptions const& options,
                                            std::uint64_t stripes) {
  return image_cache.find({type, extents, ranks, stripes, options.attributes},
                          [&] { return make_image(scratch, site, type, extents, ranks, options, stripes); });
}

void set_verified(std::uint64_t number) { image_cache.set_verified(number); }

std::shared_ptr<FileImage const> verified_image(std::uint64_t number) { return image_cache.verified(number); }

}  // namespace farm::detail
