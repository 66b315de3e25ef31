#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <unordered_map>
#include <vector>

namespace farm::detail {

/// All pages of an SQLite database and of its write-ahead log, whatever their state: also those that follow a damaged
/// frame of the log, which SQLite ignores. Only frames after the last commit are left out.
///
/// A moment is a number of frames: a page "at a moment" is as the log up to there has it.
class PageImage {
 public:
  static constexpr std::size_t page_size = 4096;  // that of the store's databases
  using Page = std::array<unsigned char, page_size>;

  /// Either file may be missing.
  PageImage(std::filesystem::path const& database, std::filesystem::path const& log);
  ~PageImage();
  PageImage(PageImage const&) = delete;
  PageImage& operator=(PageImage const&) = delete;

  [[nodiscard]] std::size_t file_pages() const { return file_pages_; }
  [[nodiscard]] std::size_t frames() const { return frames_.size(); }
  /// Returns false, and zeros, if the page cannot be read. Pages of the file are numbered from 1.
  bool read_file_page(std::uint32_t number, Page& page) const;
  bool read_frame(std::size_t frame, Page& page) const;
  bool read(std::uint32_t number, std::size_t moment, Page& page) const;
  /// Returns the moment of the commit to which a frame belongs.
  [[nodiscard]] std::size_t commit_of(std::size_t frame) const { return frames_[frame].commit; }

 private:
  struct Frame {
    std::uint64_t offset = 0;
    std::size_t commit = 0;
  };
  void read_log();

  int database_;
  int log_;
  std::size_t file_pages_ = 0;
  std::vector<Frame> frames_;
  std::unordered_map<std::uint32_t, std::vector<std::size_t>> frames_of_page_;
};

}  // namespace farm::detail
