#include "spawn/program/service/job/job_commands.hpp"

#include <memory>

namespace farm::detail {

CommandEntry make_job_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("job", "List, watch and change the jobs of a server");
  app->footer("Jobs are selected by numbers, as 5, 1-10 or 1,3,5-8, or by the words all and last.");
  return {app,
          std::make_unique<CommandGroup>(
              *app, std::vector<CommandMaker>{make_job_list_command, make_job_info_command, make_job_tasks_command,
                                              make_job_wait_command, make_job_progress_command,
                                              make_job_results_command, make_job_log_command, make_job_cancel_command,
                                              make_job_hold_command, make_job_release_command, make_job_retry_command,
                                              make_job_priority_command, make_job_forget_command})};
}

}  // namespace farm::detail
