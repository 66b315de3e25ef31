#include <farm/detail/submit_program.hpp>

#include "core/base/settings.hpp"
#include "spawn/programs/program_task.hpp"

#include <farm/detail/submit.hpp>
#include <farm/error.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace farm::detail {

StatePtr submit_program(Engine& engine, TaskOptions const& options, Program const& program) {
  check_program(program);
  if (!options.directory.empty() || !options.environment.empty() || !options.output.empty()) {
    throw UsageError(
        "TaskOptions::directory, environment and output are for functions: a Program has a directory, environment and "
        "output_file of its own");
  }
  auto const& pool = engine.options();
  auto const grace = std::chrono::duration_cast<std::chrono::milliseconds>(pool.grace / 2).count();
  ProgramTask const task{.program = program,
                         .launcher = pool.workers.launcher.empty() ? setting(Setting::launcher) : pool.workers.launcher,
                         .term_limit = std::max<std::int64_t>(grace, 0)};
  using Called = submitted_call<decltype(&run_program), ProgramTask>::Called;
  auto call = pack_call<Called>(&run_program, task);
  call.alone = true;
  return engine.submit(Called::address(), std::move(call), options, false);
}

}  // namespace farm::detail
