#include "spawn/launch/launch_command.hpp"

#include "core/base/settings.hpp"
#include "spawn/platform/mpi_traits.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

struct KnownLauncher {
  std::string_view name;
  std::string_view arguments;
};

/// Without arguments: those of mpi_traits(). {plugin} is replaced by mpi_traits().srun_plugin. Steps of Slurm share the
/// memory of the allocation (--mem=0): no step waits for another's.
constexpr std::array known_launchers{
    KnownLauncher{"mpiexec", {}},
    KnownLauncher{"mpirun", {}},
    KnownLauncher{"mpiexec.openmpi", {}},
    KnownLauncher{"mpiexec.mpich", hydra_arguments},
    KnownLauncher{"mpiexec.hydra", hydra_arguments},
    KnownLauncher{"prterun", prrte_arguments},
    KnownLauncher{"prun", prrte_arguments},  // into the virtual machine of prte: no daemons per group
    KnownLauncher{"srun", "--mpi={plugin} --mem=0 {resources} --ntasks={ranks} {program}"},
    KnownLauncher{"flux", "run --ntasks={ranks} {program}"},
};

/// Outside of a Slurm job Slurm chooses the hosts, unless the user has named them.
constexpr std::string_view srun_job_arguments = "--mpi={plugin} {resources} --ntasks={ranks} {program}";

constexpr std::array placeholders{"{ranks}",  "{hosts}",     "{nodes}",   "{nodelist}",
                                  "{layout}", "{resources}", "{exports}", "{program}"};

bool has_variable(char const* name) { return !environment_variable(name).empty(); }

bool is_in_slurm_job() { return has_variable("SLURM_JOB_ID"); }

std::string without_path(std::string const& word) { return word.substr(word.rfind('/') + 1); }

std::string usual_text() {
  if (is_in_slurm_job()) return "srun";
  if (has_variable("FLUX_URI")) return "flux";
  return own_mpiexec();
}

void replace(std::string& word, std::string_view placeholder, std::string const& value) {
  for (auto at = word.find(placeholder); at != std::string::npos; at = word.find(placeholder, at + value.size())) {
    word.replace(at, placeholder.size(), value);
  }
}

/// Returns the template of a known launcher, and any other text as it is. prun may have options of its own, which say
/// where its virtual machine is. Throws UsageError if a single word is not a known launcher.
std::string expanded(std::string const& text) {
  auto const name = without_path(text.substr(0, text.find_first_of(" \t")));
  bool const has_options = name == "prun" && text.find("{ranks}") == std::string::npos;
  if (text.find_first_of(" \t{") != std::string::npos && !has_options) return text;
  for (auto const& known : known_launchers) {
    if (name != known.name) continue;
    auto arguments = std::string{known.arguments.empty() ? mpi_traits().mpiexec_arguments : known.arguments};
    if (name == "srun" && !is_in_slurm_job()) arguments = srun_job_arguments;
    replace(arguments, "{plugin}", std::string{mpi_traits().srun_plugin});
    return fmt::format("{} {}", text, arguments);
  }
  throw UsageError(
      fmt::format("the launcher \"{}\" is not known: give a command with {{ranks}} in it, such as \"{} -n {{ranks}} "
                  "{{program}}\"",
                  text, text));
}

void check_placeholders(std::string const& text) {
  for (auto at = text.find('{'); at != std::string::npos; at = text.find('{', at + 1)) {
    bool const good = std::any_of(placeholders.begin(), placeholders.end(),
                                  [&](std::string_view each) { return text.compare(at, each.size(), each) == 0; });
    if (good) continue;
    throw UsageError(fmt::format("the launcher \"{}\": {} is not a field; the fields are {}", text,
                                 text.substr(at, text.find('}', at) - at + 1), fmt::join(placeholders, ", ")));
  }
  if (text.find("{ranks}") == std::string::npos) {
    throw UsageError(
        fmt::format("the launcher \"{}\" does not say how many ranks to start: put {{ranks}} where "
                    "their number belongs",
                    text));
  }
}

std::string list_of(Placement const& placement, bool with_counts) {
  std::string text;
  auto const add = [&](std::string const& entry) { text += (text.empty() ? "" : ",") + entry; };
  for (auto const& share : placement) {
    if (with_counts) {
      add(fmt::format("{}:{}", share.host, share.ranks));
    } else if (placement.size() == 1) {
      add(share.host);
    } else {
      for (int i = 0; i < share.ranks; ++i) add(share.host);
    }
  }
  return text;
}

}  // namespace

std::vector<std::string> split_words(std::string const& text) {
  std::vector<std::string> words;
  bool in_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    char const c = text[i];
    if (quote == '\0' && (c == ' ' || c == '\t' || c == '\n')) {
      in_word = false;
      continue;
    }
    if (!std::exchange(in_word, true)) words.emplace_back();
    if (c == quote) {
      quote = '\0';
    } else if (quote == '\0' && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      words.back() += text[++i];
    } else {
      words.back() += c;
    }
  }
  if (quote != '\0') throw UsageError(fmt::format("\"{}\": a quote {} is not closed", text, quote));
  return words;
}

std::string to_text(std::vector<std::string> const& command) {
  std::string text;
  for (auto const& word : command) {
    bool const plain = !word.empty() && word.find_first_of(" \t\n'\"\\$&|;<>()*?[]#~`!{}") == std::string::npos;
    text += text.empty() ? "" : " ";
    if (plain) {
      text += word;
      continue;
    }
    text += '\'';
    for (char const c : word) text += c == '\'' ? std::string{"'\\''"} : std::string{c};
    text += '\'';
  }
  return text;
}

LaunchCommand::LaunchCommand(std::string const& text) {
  if (!text.empty() || !is_set(Setting::launcher)) {
    read(text.empty() ? usual_text() : text);
    return;
  }
  try {
    read(setting(Setting::launcher));
  } catch (UsageError const& error) {
    throw UsageError(fmt::format("{}: {}", setting_name(Setting::launcher), error.what()));
  }
}

void LaunchCommand::read(std::string const& text) {
  text_ = expanded(text);
  check_placeholders(text_);
  words_ = split_words(text_);
  if (text_.find("{program}") == std::string::npos) words_.emplace_back("{program}");
}

std::string LaunchCommand::name() const { return without_path(words_.front()); }

bool LaunchCommand::shares_slurm_job() const {
  return text_.find("{resources}") != std::string::npos && !makes_slurm_job();
}

bool LaunchCommand::makes_slurm_job() const { return name() == "srun" && !is_in_slurm_job(); }

bool launches_slurm_jobs() {
  auto const text = setting(Setting::launcher);
  return without_path(text.substr(0, text.find_first_of(" \t"))) == "srun" && !is_in_slurm_job();
}

std::vector<std::string> LaunchCommand::fill(Filling const& filling) const {
  std::vector<std::string> command;
  for (auto word : words_) {
    if (word == "{program}") {
      command.insert(command.end(), filling.program.begin(), filling.program.end());
      continue;
    }
    if (word == "{exports}") {
      for (auto const& name : filling.exports) command.insert(command.end(), {"-x", name});
      continue;
    }
    if (word == "{resources}") {
      command.insert(command.end(), filling.resources.begin(), filling.resources.end());
      continue;
    }
    replace(word, "{ranks}", std::to_string(filling.ranks));
    replace(word, "{hosts}", list_of(filling.placement, true));
    replace(word, "{nodes}", std::to_string(filling.placement.size()));
    replace(word, "{nodelist}", list_of(filling.placement, false));
    replace(word, "{layout}", filling.placement.size() > 1 ? "arbitrary" : "block");
    replace(word, "{resources}", fmt::format("{}", fmt::join(filling.resources, " ")));
    replace(word, "{program}", to_text(filling.program));
    command.push_back(std::move(word));
  }
  return command;
}

}  // namespace farm::detail
