#include "spawn/service/store/recovery/page_image.hpp"

#include "spawn/service/store/disk/schema.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <span>

namespace farm::detail {
namespace {

static_assert(PageImage::page_size == page_bytes);

// https://sqlite.org/fileformat2.html#the_write_ahead_log
constexpr std::size_t log_header_size = 32;
constexpr std::size_t frame_header_size = 24;

std::uint32_t number_at(unsigned char const* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

bool read_at(int file, std::uint64_t offset, std::span<unsigned char> bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    auto const count = ::pread(file, bytes.data() + done, bytes.size() - done, static_cast<off_t>(offset + done));
    if (count <= 0) break;
    done += static_cast<std::size_t>(count);
  }
  std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(done), bytes.end(), static_cast<unsigned char>(0));
  return done == bytes.size();
}

std::uint64_t size_of(int file) {
  struct stat status {};
  return file >= 0 && ::fstat(file, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

/// Returns true if the log's header has the checksum that SQLite gives it.
bool is_right(std::array<unsigned char, log_header_size> const& header) {
  auto const big_endian = (header[3] & 1U) != 0;
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  auto const word = [&](std::size_t at) {
    auto const number = number_at(&header[at]);
    return big_endian ? number : __builtin_bswap32(number);
  };
  for (std::size_t at = 0; at < 24; at += 8) {
    first += word(at) + second;
    second += word(at + 4) + first;
  }
  return number_at(&header[24]) == first && number_at(&header[28]) == second;
}

}  // namespace

PageImage::PageImage(std::filesystem::path const& database, std::filesystem::path const& log)
    : database_{::open(database.c_str(), O_RDONLY | O_CLOEXEC)}, log_{::open(log.c_str(), O_RDONLY | O_CLOEXEC)} {
  file_pages_ = static_cast<std::size_t>((size_of(database_) + page_size - 1) / page_size);
  read_log();
}

PageImage::~PageImage() {
  if (database_ >= 0) ::close(database_);
  if (log_ >= 0) ::close(log_);
}

void PageImage::read_log() {
  auto const size = size_of(log_);
  std::array<unsigned char, log_header_size> header{};
  if (size < log_header_size || !read_at(log_, 0, header)) return;
  // Frames of an earlier use of the file have other salts. If the header is damaged, the first frame knows them.
  std::array<unsigned char, frame_header_size> frame{};
  auto salts = std::array{number_at(&header[16]), number_at(&header[20])};
  auto const first_is_there = read_at(log_, log_header_size, frame);
  if (first_is_there && !is_right(header)) salts = {number_at(&frame[8]), number_at(&frame[12])};
  std::vector<std::uint32_t> pages;
  std::size_t begin = 0;  // of the transaction
  for (auto offset = std::uint64_t{log_header_size}; offset + frame_header_size < size;
       offset += frame_header_size + page_size) {
    if (!read_at(log_, offset, frame)) break;
    if (number_at(&frame[8]) != salts[0] || number_at(&frame[12]) != salts[1]) continue;
    frames_.push_back({.offset = offset + frame_header_size, .commit = 0});
    pages.push_back(number_at(frame.data()));
    if (number_at(&frame[4]) == 0) continue;  // not the last frame of its transaction
    for (; begin < frames_.size(); ++begin) frames_[begin].commit = frames_.size();
  }
  frames_.resize(begin);
  for (std::size_t i = 0; i < frames_.size(); ++i) frames_of_page_[pages[i]].push_back(i);
}

bool PageImage::read_file_page(std::uint32_t number, Page& page) const {
  if (number == 0 || number > file_pages_) {
    page.fill(0);
    return false;
  }
  return read_at(database_, std::uint64_t{number - 1} * page_size, page);
}

bool PageImage::read_frame(std::size_t frame, Page& page) const { return read_at(log_, frames_[frame].offset, page); }

bool PageImage::read(std::uint32_t number, std::size_t moment, Page& page) const {
  if (auto const found = frames_of_page_.find(number); found != frames_of_page_.end()) {
    auto const after = std::lower_bound(found->second.begin(), found->second.end(), moment);
    if (after != found->second.begin()) return read_frame(*(after - 1), page);
  }
  return read_file_page(number, page);
}

}  // namespace farm::detail
