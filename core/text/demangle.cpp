#include "core/text/demangle.hpp"

#include <cxxabi.h>
#include <cstdlib>
#include <memory>
#include <string_view>

namespace farm::detail {

std::string demangle(char const* name) {
  int status = 0;
  std::unique_ptr<char, void (*)(void*)> const demangled{abi::__cxa_demangle(name, nullptr, nullptr, &status),
                                                         &std::free};
  std::string text = status == 0 ? demangled.get() : name;
  for (std::string_view const noise : {"__cxx11::", "[abi:cxx11]"}) {
    for (auto at = text.find(noise); at != std::string::npos; at = text.find(noise, at)) text.erase(at, noise.size());
  }
  constexpr std::string_view string = "std::basic_string<char, std::char_traits<char>, std::allocator<char> >";
  for (auto at = text.find(string); at != std::string::npos; at = text.find(string, at))
    text.replace(at, string.size(), "std::string");
  for (std::string_view const wrapper : {"std::_Nested_exception<", "std::__nested<"}) {
    if (text.starts_with(wrapper) && text.ends_with('>')) {
      text = text.substr(wrapper.size(), text.size() - wrapper.size() - 1);
      if (text.ends_with(' ')) text.pop_back();
    }
  }
  return text;
}

}  // namespace farm::detail
