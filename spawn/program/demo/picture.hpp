#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace farm::demo {

/// A picture of grey values, line by line from the top.
struct Picture {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> values{};
};

/// Writes the values as a binary PGM file. Throws std::system_error.
void write_pgm(Picture const& picture, std::filesystem::path const& file);

/// Writes the picture as a PNG file, in colours. Throws std::runtime_error.
void write_png(Picture const& picture, std::filesystem::path const& file);

}  // namespace farm::demo
