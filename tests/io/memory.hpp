#pragma once

#include <cstdint>
#include <fstream>
#include <string>

/// Measures by how many bytes this process's memory, mapped files included, has grown at most since the construction.
class MemoryPeak {
 public:
  MemoryPeak() {
    std::ofstream{"/proc/self/clear_refs"} << 5;  // resets VmHWM
    before_ = status("VmRSS");
  }
  [[nodiscard]] std::int64_t growth() const { return status("VmHWM") - before_; }

 private:
  static std::int64_t status(std::string const& what) {
    std::ifstream file{"/proc/self/status"};
    for (std::string name; file >> name;) {
      if (name != what + ":") continue;
      std::int64_t kib = 0;
      file >> kib;
      return kib * 1024;
    }
    return 0;
  }
  std::int64_t before_ = 0;
};

inline constexpr std::int64_t mebibyte = std::int64_t{1} << 20U;
