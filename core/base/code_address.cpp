#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <elf.h>
#include <link.h>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <mutex>
#include <optional>
#include <vector>

namespace farm {
namespace {

struct Module {
  std::uint64_t id = 0;
  std::uintptr_t base = 0;
  std::uintptr_t begin = 0;
  std::uintptr_t end = 0;
  std::string build_id;
  std::string name;
};

std::string hexadecimal(unsigned char const* data, std::size_t size) {
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += fmt::format("{:02x}", data[i]);
  return text;
}

/// Returns the build-id among ELF notes; null if there is none.
unsigned char const* find_build_id(char const* notes, std::size_t size, std::size_t& length) {
  constexpr std::size_t header_size = sizeof(ElfW(Nhdr));
  while (size >= header_size) {
    ElfW(Nhdr) header;
    std::memcpy(&header, notes, header_size);
    auto const padded = [](std::size_t n) { return (n + 3U) & ~std::size_t{3}; };
    std::size_t const total = header_size + padded(header.n_namesz) + padded(header.n_descsz);
    if (total > size) break;
    if (header.n_type == NT_GNU_BUILD_ID && header.n_namesz == 4 && std::memcmp(notes + header_size, "GNU", 4) == 0) {
      length = header.n_descsz;
      return reinterpret_cast<unsigned char const*>(notes + header_size + padded(header.n_namesz));
    }
    notes += total;
    size -= total;
  }
  return nullptr;
}

int add_module(dl_phdr_info* info, std::size_t /*size*/, void* out) {
  Module module;
  module.base = info->dlpi_addr;
  module.begin = UINTPTR_MAX;
  module.name = info->dlpi_name;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    auto const& segment = info->dlpi_phdr[i];
    std::uintptr_t const start = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_LOAD) {
      module.begin = std::min(module.begin, start);
      module.end = std::max(module.end, start + segment.p_memsz);
    } else if (segment.p_type == PT_NOTE && module.build_id.empty()) {
      std::size_t length = 0;
      if (auto const* id = find_build_id(reinterpret_cast<char const*>(start), segment.p_memsz, length)) {
        module.build_id = hexadecimal(id, length);
        std::memcpy(&module.id, id, std::min(length, sizeof module.id));
      }
    }
  }
  static_cast<std::vector<Module>*>(out)->push_back(std::move(module));
  return 0;
}

std::vector<Module> loaded_modules() {
  std::vector<Module> modules;
  dl_iterate_phdr(add_module, &modules);  // the program itself comes first
  return modules;
}

int read_unloads(dl_phdr_info* info, std::size_t size, void* out) {
  if (size >= offsetof(dl_phdr_info, dlpi_subs) + sizeof info->dlpi_subs)
    *static_cast<std::uint64_t*>(out) = info->dlpi_subs;
  return 1;  // every module tells the same
}

/// Returns how many libraries this process has unloaded so far. As long as the number is the same, whatever was found
/// in the loaded modules is still there. Takes some 50 ns.
std::uint64_t unloads() {
  std::uint64_t count = 0;
  dl_iterate_phdr(read_unloads, &count);
  return count;
}

/// Stands for the number of unloads if something stays true for ever: the main program is never unloaded.
constexpr std::uint64_t never_unloaded = UINT64_MAX;

/// A module, and the number of unloads() up to which it is known to be loaded.
struct FoundModule {
  Module module;
  std::uint64_t unloads = never_unloaded;
};

/// Returns the first module that matches. If the known modules have none, or any library was unloaded since, reads the
/// list of loaded modules again: another library may lie where the unloaded one was.
template <class Predicate>
std::optional<FoundModule> find_module(Predicate matches) {
  static std::mutex mutex;
  static std::vector<Module> modules;
  static std::uint64_t known_unloads = 0;
  auto const current_unloads = unloads();
  std::scoped_lock const lock{mutex};
  auto found = std::find_if(modules.begin(), modules.end(), matches);
  if (found == modules.end() || known_unloads != current_unloads) {
    modules = loaded_modules();
    known_unloads = current_unloads;
    found = std::find_if(modules.begin(), modules.end(), matches);
  }
  if (found == modules.end()) return std::nullopt;
  return FoundModule{*found, found == modules.begin() ? never_unloaded : current_unloads};
}

/// An entry of a per-thread cache: programs ask for the same few functions again and again.
struct CachedAddress {
  void const* function = nullptr;
  CodeAddress address{};
  std::uint64_t unloads = never_unloaded;

  [[nodiscard]] bool is_valid() const { return unloads == never_unloaded || unloads == farm::unloads(); }
};
/// A miss takes a lock and searches the modules; with fewer entries two functions of a hot path collide too often.
constexpr std::size_t cache_size = 64;

CachedAddress find_code_address(void const* function) {
  auto const address = reinterpret_cast<std::uintptr_t>(function);
  auto const found = find_module([&](Module const& m) { return address >= m.begin && address < m.end; });
  if (!found) throw UsageError("the function lies in no loaded module of this program");
  auto const& module = found->module;
  if (module.build_id.empty()) {
    throw UsageError(fmt::format("{} has no build-id: link it with -Wl,--build-id",
                                 module.name.empty() ? "this program" : module.name));
  }
  return {function, {module.id, address - module.base}, found->unloads};
}

CachedAddress find_function(CodeAddress address) {
  auto const found = find_module([&](Module const& m) { return m.id == address.module && !m.build_id.empty(); });
  auto const where = found ? found->module.base + address.offset : 0;
  if (!found || where < found->module.begin || where >= found->module.end) {
    throw UsageError(
        "the function is in no loaded module: the ranks run another build than the master (start both from one build), "
        "or have not loaded the library that holds the function");
  }
  return {reinterpret_cast<void const*>(where), address, found->unloads};
}

}  // namespace

CodeAddress code_address(void const* function) {
  thread_local std::array<CachedAddress, cache_size> cache;
  auto& entry = cache[reinterpret_cast<std::uintptr_t>(function) / 16 % cache_size];
  if (entry.function == nullptr || entry.function != function || !entry.is_valid()) entry = find_code_address(function);
  return entry.address;
}

void const* resolve(CodeAddress address) {
  thread_local std::array<CachedAddress, cache_size> cache;
  auto& entry = cache[address.offset / 16 % cache_size];
  if (entry.function == nullptr || entry.address != address || !entry.is_valid()) entry = find_function(address);
  return entry.function;
}

std::uint64_t program_module() noexcept {
  static std::uint64_t const id = [] {
    auto const modules = loaded_modules();
    return modules.empty() ? 0 : modules.front().id;
  }();
  return id;
}

std::string const& program_build_id() {
  static std::string const id = [] {
    auto modules = loaded_modules();
    if (modules.empty() || modules.front().build_id.empty()) {
      throw UsageError("this program has no build-id: link it with -Wl,--build-id");
    }
    return modules.front().build_id;
  }();
  return id;
}

std::string build_id_of_file(std::string const& path) {
  std::ifstream file{path, std::ios::binary};
  ElfW(Ehdr) header{};
  if (!file.read(reinterpret_cast<char*>(&header), sizeof header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return {};
  for (unsigned i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff + i * sizeof segment));
    if (!file.read(reinterpret_cast<char*>(&segment), sizeof segment)) return {};
    if (segment.p_type != PT_NOTE || segment.p_filesz > 65536) continue;
    std::string notes(segment.p_filesz, '\0');
    file.seekg(static_cast<std::streamoff>(segment.p_offset));
    if (!file.read(notes.data(), static_cast<std::streamsize>(notes.size()))) return {};
    std::size_t length = 0;
    if (auto const* id = find_build_id(notes.data(), notes.size(), length)) return hexadecimal(id, length);
  }
  return {};
}

}  // namespace farm
