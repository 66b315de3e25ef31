#include <farm/array_info.hpp>
#include <farm/error.hpp>
#include <farm/publish.hpp>

namespace farm::detail {

void save_array(ArrayInfo const&, std::string const&, std::string const&) { throw UsageError("to come"); }
ArrayInfo gather_arrays(std::vector<ArrayInfo> const&, ElementType, std::string const&, std::string const&) {
  throw UsageError("to come");
}

}  // namespace farm::detail
