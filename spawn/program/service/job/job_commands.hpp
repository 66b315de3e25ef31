#pragma once

#include "spawn/program/command.hpp"

/// The commands of `job`.
namespace farm::detail {

CommandEntry make_job_list_command(CLI::App& parent);
CommandEntry make_job_info_command(CLI::App& parent);
CommandEntry make_job_tasks_command(CLI::App& parent);
CommandEntry make_job_wait_command(CLI::App& parent);
CommandEntry make_job_progress_command(CLI::App& parent);
CommandEntry make_job_results_command(CLI::App& parent);
CommandEntry make_job_log_command(CLI::App& parent);
CommandEntry make_job_cancel_command(CLI::App& parent);
CommandEntry make_job_hold_command(CLI::App& parent);
CommandEntry make_job_release_command(CLI::App& parent);
CommandEntry make_job_retry_command(CLI::App& parent);
CommandEntry make_job_priority_command(CLI::App& parent);
CommandEntry make_job_forget_command(CLI::App& parent);

}  // namespace farm::detail
