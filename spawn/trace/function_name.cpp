#include "spawn/trace/function_name.hpp"

#include <farm/detail/call.hpp>

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

std::string demangled(char const* symbol) {
  int status = 0;
  std::unique_ptr<char, decltype(&std::free)> const text{abi::__cxa_demangle(symbol, nullptr, nullptr, &status),
                                                         &std::free};
  return status == 0 && text ? text.get() : symbol;
}

template <class T>
T const* object_at(std::string const& file, std::uint64_t offset, std::uint64_t count = 1) {
  bool const inside = offset <= file.size() && count <= (file.size() - offset) / sizeof(T);
  return inside ? reinterpret_cast<T const*>(file.data() + offset) : nullptr;
}

/// Returns the function that begins at `offset` of an ELF file; empty if the symbol table does not have it.
std::string symbol_at(std::string const& file, std::uint64_t offset) {
  auto const* const header = object_at<ElfW(Ehdr)>(file, 0);
  if (header == nullptr || !std::string_view{file}.starts_with(std::string_view{ELFMAG, SELFMAG})) return {};
  auto const* const sections = object_at<ElfW(Shdr)>(file, header->e_shoff, header->e_shnum);
  if (sections == nullptr) return {};
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    auto const& section = sections[i];
    if (section.sh_type != SHT_SYMTAB || section.sh_link >= header->e_shnum) continue;
    auto const count = section.sh_size / sizeof(ElfW(Sym));
    auto const* const symbols = object_at<ElfW(Sym)>(file, section.sh_offset, count);
    auto const& strings = sections[section.sh_link];
    if (symbols == nullptr || object_at<char>(file, strings.sh_offset, strings.sh_size) == nullptr) continue;
    for (std::uint64_t s = 0; s < count; ++s) {
      bool const found = (symbols[s].st_info & 0xfU) == STT_FUNC && symbols[s].st_value == offset;
      if (found && symbols[s].st_name < strings.sh_size)
        return demangled(file.data() + strings.sh_offset + symbols[s].st_name);
    }
  }
  return {};
}

std::string find_symbol(CodeAddress address) {
  Dl_info info{};
  if (dladdr(resolve(address), &info) == 0) return {};
  auto const* const path = address.module == program_module() ? "/proc/self/exe" : info.dli_fname;
  std::ifstream file{path, std::ios::binary};
  return symbol_at({std::istreambuf_iterator<char>{file}, {}}, address.offset);
}

/// Cuts "ns::f(int, T<int>)" to "ns::f". The parentheses of "(anonymous namespace)" do not count.
std::string without_parameters(std::string const& name) {
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<' || name[i] == '{') ++depth;
    if (name[i] == '>' || name[i] == '}') --depth;
    if (name[i] == '(' && depth == 0 && name.compare(i, 11, "(anonymous ") != 0) return name.substr(0, i);
  }
  return name;
}

/// Returns F of "farm::detail::Call<F, ...>::invoke(...)"; empty if the name has another form.
std::string called_type(std::string const& invoker) {
  constexpr std::string_view before = "Call<";
  auto const begin = invoker.find(before);
  if (begin == std::string::npos) return {};
  int depth = 0;
  for (std::size_t i = begin + before.size(); i < invoker.size(); ++i) {
    char const c = invoker[i];
    if (depth == 0 && (c == ',' || c == '>')) return invoker.substr(begin + before.size(), i - begin - before.size());
    if (c == '<' || c == '(' || c == '{') ++depth;
    if (c == '>' || c == ')' || c == '}') --depth;
  }
  return {};
}

std::string known_symbol(CodeAddress address) {
  static auto& names = *new std::map<std::pair<std::uint64_t, std::uint64_t>, std::string>;
  static std::mutex mutex;
  std::scoped_lock const lock{mutex};
  auto const [entry, is_new] = names.try_emplace({address.module, address.offset});
  if (is_new) entry->second = find_symbol(address);
  return entry->second;
}

}  // namespace

std::string function_name(CodeAddress code, std::string_view packed_call) try {
  auto type = called_type(known_symbol(code));
  if (type.ends_with(')') ||
      type.ends_with(") noexcept")) {  // a free function: the packed call begins with its address
    UnpackArchive in{packed_call};
    FunctionTransport<void (*)()>::with_function(in, [&](auto function) {
      type = without_parameters(known_symbol(code_address(reinterpret_cast<void const*>(function))));
    });
  }
  for (std::string_view const noise : {"(anonymous namespace)::", "[abi:cxx11]"}) {
    for (auto found = type.find(noise); found != std::string::npos; found = type.find(noise))
      type.erase(found, noise.size());
  }
  return type.empty() ? "task" : type;
} catch (std::exception const&) {
  return "task";
}

}  // namespace farm::detail
