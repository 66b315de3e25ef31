#include <farm/detail/function_version.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <utility>

namespace farm::detail {
namespace {

struct Registered {
  FunctionVersion function{};
  std::string other_version{};  ///< a second one, which contradicts the first
};

/// A static of a function, because static initializers of other files use it, in any order.
struct Registry {
  std::mutex mutex{};
  std::map<void const*, Registered> functions{};
};

Registry& registry() {
  static auto& all = *new Registry;  // never destroyed: tasks may be submitted while static objects are destroyed
  return all;
}

}  // namespace

bool add_function_name(void const* function, std::string name) {
  auto& all = registry();
  std::scoped_lock const lock{all.mutex};
  all.functions.try_emplace(function, Registered{.function = {.name = std::move(name)}});
  return true;
}

bool add_function_version(void const* function, std::string name, std::string version) {
  auto& all = registry();
  std::scoped_lock const lock{all.mutex};
  auto& known = all.functions[function];
  if (!known.function.version) {
    known.function = {std::move(name), std::move(version)};
  } else if (*known.function.version != version) {
    known.other_version = std::move(version);
  }
  return true;
}

std::optional<FunctionVersion> registered_function(void const* function) {
  auto& all = registry();
  std::scoped_lock const lock{all.mutex};
  auto const found = all.functions.find(function);
  if (found == all.functions.end()) return std::nullopt;
  auto const& known = found->second;
  if (!known.other_version.empty()) {
    throw UsageError(fmt::format("FARM_TASK_VERSION gives {} two versions, \"{}\" and \"{}\": leave one of them",
                                 known.function.name, *known.function.version, known.other_version));
  }
  return known.function;
}

}  // namespace farm::detail
