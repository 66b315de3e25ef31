#pragma once

#include "spawn/hosts/hosts.hpp"

#include <string>
#include <vector>

namespace farm::detail {

/// The command line by which a launcher starts one group, as a template: words as in a shell, quotes included. These
/// fields in it are replaced:
///
///   {ranks}     the number of ranks
///   {hosts}     the hosts with the number of ranks on each, as mpiexec has them: a:2,b:1
///   {nodes}     the number of hosts
///   {nodelist}  the hosts as srun has them: the host, or, if there are several, one entry for each rank
///   {layout}    for srun: block, or arbitrary if there are several hosts
///   {resources} for srun: the group's share of the Slurm job and its hosts, as step_options() and host_options() have
///               them; outside of a job what the group's own job asks for, as job_options() has it
///   {exports}   -x NAME for each variable that ranks on other hosts are to have; must be a word of its own
///   {program}   the words that start the program; they go to the end if this field is missing
class LaunchCommand {
 public:
  /// `text` is such a template, or one of the launchers that the farm knows: mpiexec, mpirun, prun, srun or flux,
  /// with or without a path. If `text` is empty, FARM_LAUNCHER counts; if that is not set, srun inside a Slurm
  /// allocation, flux inside a Flux instance, and mpiexec elsewhere. srun has another template outside of a Slurm job.
  /// Throws UsageError, which names the variable or option that holds the text, if the launcher or a field is not
  /// known, or if {ranks} is missing.
  explicit LaunchCommand(std::string const& text);

  struct Filling {
    int ranks = 1;
    Placement placement{};
    std::vector<std::string> resources{};  ///< options of srun
    std::vector<std::string> exports{};    ///< names of variables
    std::vector<std::string> program{};
  };
  /// Returns the command with its fields replaced.
  [[nodiscard]] std::vector<std::string> fill(Filling const& filling) const;

  /// Returns true if the template has the field {resources} inside a Slurm job: each group gets a share of the job.
  [[nodiscard]] bool shares_slurm_job() const;

  /// Returns true if this is srun outside of a Slurm job: each group gets a job of its own, for which it may queue.
  [[nodiscard]] bool makes_slurm_job() const;

  /// Returns the name of the launcher for people: the first word, without a path.
  [[nodiscard]] std::string name() const;

  /// Returns the template.
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  void read(std::string const& text);

  std::string text_;
  std::vector<std::string> words_;
};

/// Returns true if FARM_LAUNCHER is srun and this process is in no Slurm job. Does not throw if FARM_LAUNCHER is wrong.
[[nodiscard]] bool launches_slurm_jobs();

/// Splits a command into words as a shell does, but expands nothing. Throws UsageError if a quote is not closed.
[[nodiscard]] std::vector<std::string> split_words(std::string const& text);

/// Returns the command for people, with quotes where a shell needs them.
[[nodiscard]] std::string to_text(std::vector<std::string> const& command);

}  // namespace farm::detail
