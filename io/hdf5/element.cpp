#include <farm/element.hpp>

#include <array>

namespace farm::detail {
namespace {

struct Entry {
  std::string_view name;
  std::size_t size;
};

// in the order of ElementType
constexpr std::array entries{
    Entry{"int8", 1},
    Entry{"int16", 2},
    Entry{"int32", 4},
    Entry{"int64", 8},
    Entry{"uint8", 1},
    Entry{"uint16", 2},
    Entry{"uint32", 4},
    Entry{"uint64", 8},
    Entry{"float32", 4},
    Entry{"float64", 8},
    Entry{"long double", sizeof(long double)},
    Entry{"complex64", 8},
    Entry{"complex128", 16},
};

}  // namespace

std::size_t element_size(ElementType type) noexcept { return entries[static_cast<std::size_t>(type)].size; }
std::string_view element_name(ElementType type) noexcept { return entries[static_cast<std::size_t>(type)].name; }

}  // namespace farm::detail
