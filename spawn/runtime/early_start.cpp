#include "spawn/runtime/early_start.hpp"

#include "spawn/environment/worker_environment.hpp"
#include "spawn/guard/split_guard.hpp"
#include "spawn/join/join_info.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/process/program_arguments.hpp"
#include "spawn/process/standard_descriptors.hpp"
#include "spawn/process/working_directory.hpp"

#include <farm/detail/log.hpp>

#include <unistd.h>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

/// Sets the variables. Returns true if the environment has changed.
bool set_environment(JoinInfo const& join_info) {
  bool changed = false;
  for (auto const& [name, value] : join_info.environment) {
    char const* const before = getenv(name.c_str());
    if (before != nullptr && value == before) continue;
    setenv(name.c_str(), value.c_str(), 1);
    changed = true;
  }
  return changed;
}

std::optional<JoinInfo> find_join_info() try {
  auto const& path = worker_environment().join_file;
  return path.empty() ? std::nullopt : std::optional{read_join_info(path)};
} catch (std::exception const&) {
  return std::nullopt;  // a spawned rank on another host gets it by MPI; the Runtime of a launched rank says what is
                        // wrong
}

/// Runs before main in every process. In a rank, the guard is split off now, so that the master learns how the rank
/// ends even if it ends before its Runtime.
[[gnu::constructor]] void start_rank() {
  auto const kind = started_as_worker();
  if (kind.empty()) return;
  open_standard_descriptors();
  auto const join_info = find_join_info();
  if (kind == "launched" && !join_info) return;
  try {
    // Libraries that this process has loaded may have read their variables already, so the rank executes the program
    // anew if some were missing, or if it has not got its arguments.
    bool const has_changed = join_info && set_environment(*join_info);
    auto words = command_line();
    bool const has_arguments = !join_info || join_info->arguments.empty() || words.size() > 1;
    if (!has_arguments) words.insert(words.end(), join_info->arguments.begin(), join_info->arguments.end());
    static_cast<void>(has_changed || !has_arguments ? split_off_guard(std::move(words)) : split_off_guard());
    if (join_info) change_directory(join_info->working_directory);
  } catch (std::exception const& e) {
    guard_link().set_note(e.what());
    if (!guard_link().guarded()) log_error(e.what());
    _exit(1);
  }
}

}  // namespace

void keep_early_start_linked() {}

void apply_settings(JoinInfo const& join_info) {
  set_environment(join_info);
  change_directory(join_info.working_directory);
}

}  // namespace farm::detail
