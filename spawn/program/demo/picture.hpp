#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace farm::demo {

/// Grey values, line by line from the top.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values{};
};

/// Binary PGM of the values as they are. Throws std::system_error.
void write_pgm(Picture const& picture, std::filesystem::path const& file);

/// PNG in colours, for the eye. Throws std::runtime_error.
void write_png(Picture const& picture, std::filesystem::path const& file);

}  // namespace farm::demo
