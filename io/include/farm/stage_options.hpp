#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace farm {

/// How an array is staged. The defaults suit most programs.
struct StageOptions {
  /// Directory of the array's file. It must exist, and all processes that use the array must see it. Empty: the
  /// directory of this process's StageRun, else the one given to set_stage_directory().
  std::filesystem::path directory{};
  /// Stem of the file's name. No other array in the directory may have it. Empty: a unique name.
  std::string name{};
  /// Arrays of fewer bytes have no file; their elements travel in the handle. Measured (tests/bench, "arrays"; tasks
  /// per second, on two days):
  ///
  /// | array | in the message | a file each | one file for all |
  /// |---|---|---|---|
  /// | 64 KiB | 10,000 and 15,600 | 4,300 and 4,700 | 25,000 and 59,000 |
  /// | 128 KiB | 3,000 and 7,300 | 3,900 and 4,300 | 27,000 and 49,000 |
  /// | 1 MiB | 540 and 980 | 3,600 and 4,300 | 12,000 and 34,000 |
  std::uint64_t threshold = std::uint64_t{128} << 10U;
  /// True if the file gets checksums, so that readers notice changed bytes. FARM_CHECKSUM=0 turns checksums off for
  /// all.
  bool checksum = true;
  /// True if the ranks must write with HDF5's collective transfers. By default they do so only if they run on several
  /// hosts or the file system is shared between hosts. On one host it is faster if each rank writes its own rows.
  bool collective = false;
  /// Names and values of further attributes of the dataset.
  std::vector<std::pair<std::string, std::string>> attributes{};
};

}  // namespace farm
