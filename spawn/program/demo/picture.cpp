#include "spawn/program/demo/picture.hpp"

#include <fmt/format.h>
#include <png.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace farm::demo {
namespace {

struct Colour {
  double red, green, blue;
};

/// Returns dark blue if z escapes at once, white if it takes long, and black if it never escapes.
Colour colour_of(std::uint8_t value) {
  if (value <= 1) return {0, 0, 0};
  double const t = std::sqrt((255 - value) / 254.0);
  auto const rise = [t](double from, double to) { return std::clamp((t - from) / (to - from), 0.0, 1.0); };
  return {rise(0.35, 0.75), rise(0.15, 0.95), 0.25 + 0.75 * rise(0.0, 0.5)};
}

}  // namespace

void write_pgm(Picture const& picture, std::filesystem::path const& file) {
  errno = 0;
  std::ofstream out{file, std::ios::binary};
  out << fmt::format("P5 {} {} {}\n", picture.width, picture.height, 255);
  out.write(reinterpret_cast<char const*>(picture.values.data()), static_cast<std::streamsize>(picture.values.size()));
  out.close();
  if (!out) throw std::system_error(errno, std::generic_category(), file.string());
}

void write_png(Picture const& picture, std::filesystem::path const& file) {
  std::vector<std::uint8_t> pixels;
  pixels.reserve(3 * picture.values.size());
  for (auto const value : picture.values) {
    auto const colour = colour_of(value);
    for (double const part : {colour.red, colour.green, colour.blue})
      pixels.push_back(static_cast<std::uint8_t>(std::lround(255 * part)));
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  if (png_image_write_to_file(&image, file.c_str(), 0, pixels.data(), 0, nullptr) == 0) {
    throw std::runtime_error(fmt::format("{}: {}", file.string(), image.message));
  }
}

}  // namespace farm::demo
