#pragma once

#include "spawn/launch/hosts.hpp"

#include <string>
#include <vector>

namespace farm::detail {

/// How a launcher is called to start one group. As text: words as in a shell, quotes included, of which some stand for
/// what is filled in:
///
///   {ranks}     how many
///   {hosts}     where, as mpiexec has it: a:2,b:1
///   {nodes}     on how many hosts
///   {nodelist}  where, as srun has it: the host, or one for each rank where there are several
///   {layout}    block, or arbitrary where there are several hosts; likewise
///   {exports}   -x NAME for each variable that the user has given the ranks; these are words of their own
///   {program}   the words that start the program; they stand at the end where this is missing
class LaunchCommand {
 public:
  /// `text` is such a template; or mpiexec, mpirun, srun or flux, with or without its path, for those that are known;
  /// or empty for what FARM_LAUNCHER says, or else for srun inside a Slurm allocation, flux inside a Flux instance, and
  /// mpiexec elsewhere. Throws UsageError.
  explicit LaunchCommand(std::string text);

  struct Filling {
    int ranks = 1;
    Placement placement{};
    std::vector<std::string> exports{};  ///< names of variables
    std::vector<std::string> program{};
  };
  [[nodiscard]] std::vector<std::string> fill(Filling const& filling) const;

  /// The template as it stands.
  [[nodiscard]] std::string const& text() const { return text_; }

 private:
  std::string text_;
  std::vector<std::string> words_;
};

/// As a shell does it, but nothing is replaced. Throws UsageError where a quote is not closed.
[[nodiscard]] std::vector<std::string> split_words(std::string const& text);

/// For people: with quotes where a shell needs them.
[[nodiscard]] std::string to_text(std::vector<std::string> const& command);

}  // namespace farm::detail
