#include "spawn/cached_calls/function_identity.hpp"

#include "spawn/trace/function_name.hpp"

#include <farm/detail/code_address.hpp>
#include <farm/detail/function_version.hpp>

#include <fmt/format.h>

#include <utility>

namespace farm::detail {
namespace {

/// How many modules the program consists of: those that come later are loaded by libraries, such as MPI's, and are not
/// the same in each run.
std::size_t const modules_at_start = count_modules();

std::string const& build() {
  static std::string const text = build_of_modules(modules_at_start);
  return text;
}

constexpr std::size_t shown_digits = 8;

}  // namespace

FunctionIdentity identity_of(CallNotes const& notes, std::string_view function) {
  auto const& called = *notes.function;
  auto registered = notes.address != nullptr ? registered_function(notes.address) : std::nullopt;
  FunctionIdentity identity;
  identity.name = registered ? registered->name : function_name(called.code(), function);
  KeyHash hash;
  hash.add(called.type->name());
  if (registered && registered->version) {
    identity.version = *registered->version;
    hash.add("version").add(registered->name).add(*registered->version);
  } else {
    auto const address = notes.address != nullptr ? code_address(notes.address) : called.code();
    identity.version = "build " + program_build_id().substr(0, shown_digits);
    hash.add("build").add(build()).add(address.module).add(address.offset);
  }
  identity.key = hash.take();
  return identity;
}

}  // namespace farm::detail
