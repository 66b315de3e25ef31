#pragma once

#include <cstdint>
#include <string>

namespace farm {

/// Where a function lies, in terms that hold in every process of the same build: address-space layout differs from
/// process to process, the module's build-id and the offset in it do not.
struct CodeAddress {
  std::uint64_t module = 0;  ///< the first eight bytes of the module's build-id
  std::uint64_t offset = 0;  ///< from where the module is loaded
  friend bool operator==(CodeAddress const&, CodeAddress const&) = default;
};

/// The address of a function of this process. Throws UsageError where its module has no build-id (link with
/// -Wl,--build-id). Thread-safe.
[[nodiscard]] CodeAddress code_address(void const* function);

/// The function in this process that has this address. Throws UsageError where no such build is loaded. Thread-safe.
[[nodiscard]] void const* resolve(CodeAddress address);

/// CodeAddress::module of the functions of the program itself; 0 where it has no build-id.
[[nodiscard]] std::uint64_t program_module() noexcept;

/// The build-id of the program itself, in hexadecimal. Throws UsageError where it has none.
[[nodiscard]] std::string const& program_build_id();

/// The build-id of the program in a file. Empty where the file is none or has none.
[[nodiscard]] std::string build_id_of_file(std::string const& path);

}  // namespace farm
