#pragma once

#include <fmt/format.h>

#include <unistd.h>
#include <filesystem>
#include <string>

/// A new directory, which the destructor removes.
struct Scratch {
  std::filesystem::path path;
  explicit Scratch(std::string const& name)
      : path(std::filesystem::temp_directory_path() / fmt::format("farm-{}-{}", name, getpid())) {
    std::filesystem::create_directory(path);
  }
  Scratch(Scratch const&) = delete;
  Scratch& operator=(Scratch const&) = delete;
  ~Scratch() { std::filesystem::remove_all(path); }
};
