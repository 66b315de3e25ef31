#pragma once

#include "core/base/descriptor.hpp"

#include <array>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace farm::detail {

/// Thrown if a server cannot have its state directory. One line, with what to do.
class StateError : public std::runtime_error {
  using runtime_error::runtime_error;
};

/// The state directory, as long as this process is its server: no other process can be it meanwhile.
class StateDirectory {
 public:
  /// Makes the directory, mode 0700, if it is not there, and locks it. Throws StateError if it is another user's,
  /// cannot be written or locked, or has a server: the error names that one.
  explicit StateDirectory(std::filesystem::path directory);
  StateDirectory(StateDirectory const&) = delete;
  StateDirectory& operator=(StateDirectory const&) = delete;
  /// Removes the files by which clients find the server.
  ~StateDirectory();

  [[nodiscard]] std::filesystem::path const& path() const { return directory_; }
  [[nodiscard]] std::filesystem::path file(std::string const& name) const { return directory_ / name; }
  /// Returns the token of the ports, which is made once for a directory.
  [[nodiscard]] std::string token() const;
  /// Returns the key of the web page, which is made once for a directory: a page finds the next server.
  [[nodiscard]] std::string page_key() const;
  /// Returns the key of ranks that outlive a server, which is made once for a directory.
  [[nodiscard]] std::array<unsigned char, 32> key() const;
  /// Writes a file of mode 0600, all of it or nothing. Throws StateError.
  void write(std::string const& name, std::string const& content) const;

 private:
  [[nodiscard]] std::string read_or_make(std::string const& name) const;

  std::filesystem::path directory_;
  Descriptor lock_;
};

}  // namespace farm::detail
