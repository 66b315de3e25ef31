#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// How an array is staged. What is left out is right for most.
struct StageOptions {
  /// Where its file is made; it must exist, and all that use the array must see it. Empty: the directory of this
  /// process's StageRun, else what set_stage_directory() said.
  std::filesystem::path directory{};
  /// Stem of the file's name, which no other array in the directory may have. Empty: one that is unique.
  std::string name{};
  /// Arrays of fewer bytes have no file and travel with their handle. Measured (tests/bench, "arrays"; tasks
  /// per second, on two days): at 64 KiB 10,000 and 15,600 with the message, 4,300 and 4,700 with a file each, 25,000
  /// and 59,000 with one file for all; at 128 KiB 3,000 and 7,300, 3,900 and 4,300, 27,000 and 49,000; at 1 MiB 540 and
  /// 980, 3,600 and 4,300, 12,000 and 34,000.
  std::uint64_t threshold = std::uint64_t{128} << 10U;
  /// Whether readers will see what was changed on the way. FARM_CHECKSUM=0 switches it off for all.
  bool checksum = true;
  /// Whether all write by HDF5's collective transfers, also where the ranks are on one host, and its file system is, so
  /// that each could write its own rows, which is faster there.
  bool collective = false;
  /// What else the file shall tell of itself: names and values of its attributes.
  std::vector<std::pair<std::string, std::string>> attributes{};
};

}  // namespace farm
