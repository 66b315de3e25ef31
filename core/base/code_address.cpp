#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <elf.h>
#include <link.h>
#include <algorithm>
#include <array>
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

/// Returns the first module that matches. If the known modules have none, reads the list of loaded modules again, since
/// libraries may be loaded at any time.
template <class Predicate>
std::optional<Module> find_module(Predicate matches) {
  static std::mutex mutex;
  static std::vector<Module> modules;
  std::scoped_lock const lock{mutex};
  auto found = std::find_if(modules.begin(), modules.end(), matches);
  if (found == modules.end()) {
    modules = loaded_modules();
    found = std::find_if(modules.begin(), modules.end(), matches);
  }
  if (found == modules.end()) return std::nullopt;
  return *found;
}

/// An entry of a per-thread cache: programs ask for the same few functions again and again.
struct CachedAddress {
  void const* function = nullptr;
  CodeAddress address{};
};
/// A miss takes a lock and searches the modules; with fewer entries two functions of a hot path collide too often.
constexpr std::size_t cache_size = 64;

CodeAddress find_code_address(void const* function) {
  auto const address = reinterpret_cast<std::uintptr_t>(function);
  auto const module = find_module([&](Module const& m) { return address >= m.begin && address < m.end; });
  if (!module) throw UsageError("the function lies in no loaded module of this program");
  if (module->build_id.empty()) {
    throw UsageError(fmt::format("{} has no build-id: link it with -Wl,--build-id",
                                 module->name.empty() ? "this program" : module->name));
  }
  return {module->id, address - module->base};
}

void const* find_function(CodeAddress address) {
  auto const module = find_module([&](Module const& m) { return m.id == address.module && !m.build_id.empty(); });
  auto const where = module ? module->base + address.offset : 0;
  if (!module || where < module->begin || where >= module->end) {
    throw UsageError(
        "the function is in no loaded module: the ranks run another build than the master; start both from one build");
  }
  return reinterpret_cast<void const*>(where);
}

}  // namespace

CodeAddress code_address(void const* function) {
  thread_local std::array<CachedAddress, cache_size> cache;
  auto& entry = cache[reinterpret_cast<std::uintptr_t>(function) / 16 % cache_size];
  if (entry.function == nullptr || entry.function != function) {
    entry.address = find_code_address(function);
    entry.function = function;
  }
  return entry.address;
}

void const* resolve(CodeAddress address) {
  thread_local std::array<CachedAddress, cache_size> cache;
  auto& entry = cache[address.offset / 16 % cache_size];
  if (entry.function == nullptr || entry.address != address) entry = {find_function(address), address};
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
