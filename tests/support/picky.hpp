#pragma once

#include <farm/serialize.hpp>

#include <stdexcept>

/// A value that fails to pack if it is 13, and to unpack if it is 14.
struct Picky {
  int value = 0;
  void save(farm::PackArchive& archive) const {
    if (value == 13) throw std::runtime_error("not thirteen");
    archive(value);
  }
  void load(farm::UnpackArchive& archive) {
    archive(value);
    if (value == 14) throw std::runtime_error("not fourteen");
  }
};
