#pragma once

#include <cstdint>
#include <string>

namespace farm {

/// The address of a function in a form that is valid in every process of the same build. The address-space layout
/// differs from process to process; a module's build-id and a function's offset in it do not.
struct CodeAddress {
  std::uint64_t module = 0;  ///< the first eight bytes of the module's build-id
  std::uint64_t offset = 0;  ///< from the address at which the module is loaded
  /// Returns true if both are the same function of the same build.
  friend bool operator==(CodeAddress const&, CodeAddress const&) = default;
};

/// Returns the address of a function of this process. Throws UsageError if the function's module has no build-id (link
/// it with -Wl,--build-id). Thread-safe.
[[nodiscard]] CodeAddress code_address(void const* function);

/// Returns the function of this process that has this address. Throws UsageError if no such build is loaded.
/// Thread-safe.
[[nodiscard]] void const* resolve(CodeAddress address);

/// Returns the CodeAddress::module of functions of the main program; 0 if the program has no build-id.
[[nodiscard]] std::uint64_t program_module() noexcept;

/// Returns the build-id of the main program, in hexadecimal. Throws UsageError if the program has none.
[[nodiscard]] std::string const& program_build_id();

/// Returns the build-id of the program in a file, in hexadecimal; empty if the file is not a program or has no
/// build-id.
[[nodiscard]] std::string build_id_of_file(std::string const& path);

}  // namespace farm
