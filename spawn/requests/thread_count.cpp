#include "spawn/requests/thread_count.hpp"

#include "core/base/settings.hpp"

#include <string>

namespace farm::detail {

bool binds(WorkerOptions const& options) { return options.bind && setting_switch(Setting::bind, true); }

void add_thread_count(WorkerOptions& options, Request const& request) {
  constexpr auto const* name = "OMP_NUM_THREADS";
  if (request.threads == 0 && !binds(options)) return;
  if (!environment_variable(name).empty()) return;
  options.environment.emplace(name, std::to_string(request.cores_per_rank()));
}

}  // namespace farm::detail
