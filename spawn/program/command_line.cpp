#include <farm/main.hpp>

#include "core/base/nearest_word.hpp"
#include "core/base/settings.hpp"
#include "spawn/platform/platform.hpp"
#include "spawn/program/command.hpp"

#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/runtime.hpp>
#include <farm/stage_directory.hpp>
#include <farm/task_registry.hpp>

#include <fmt/format.h>
#include <mpi.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

namespace farm {
namespace detail {
namespace {

std::vector<CommandMaker>& command_makers() {
  static std::vector<CommandMaker> makers{make_map_command, make_tasks_command, make_doctor_command,
                                          make_report_command};
  return makers;
}

std::vector<std::string> option_names(CLI::App const& app) {
  std::vector<std::string> names;
  for (auto const* const option : app.get_options()) {
    for (auto const& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> subcommand_names(CLI::App& app) {
  std::vector<std::string> names;
  for (auto const* const sub : app.get_subcommands([](CLI::App* /*any*/) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

/// What is wrong with the command line, in one line.
std::string explain(CLI::App& app, CLI::ParseError const& error) {
  auto const unknown_option = [](CLI::App const& where, std::string const& word) {
    return unknown_word("option", word.substr(0, word.find('=')), option_names(where));
  };
  for (auto const& word : app.remaining()) {
    return word.starts_with('-') ? unknown_option(app, word) : unknown_word("subcommand", word, subcommand_names(app));
  }
  for (auto* const sub : app.get_subcommands()) {
    for (auto const& word : sub->remaining()) {
      if (word.starts_with('-')) return unknown_option(*sub, word);
      return fmt::format("'{}' was not expected; see {} {} --help", word, app.get_name(), sub->get_name());
    }
    return fmt::format("{}; see {} {} --help", error.what(), app.get_name(), sub->get_name());
  }
  return fmt::format("no subcommand was given: there are {}; see {} --help", fmt::join(subcommand_names(app), ", "),
                     app.get_name());
}

/// CLI11 takes [a,b] for a list of two values, even where one value was asked for: not with a space behind it, which
/// means nothing to those who read the value.
std::string without_lists(std::string const& argument) {
  return argument.starts_with('[') && argument.ends_with(']') ? argument + ' ' : argument;
}

int run_command_line(ProgramArguments const arguments) {
  auto const program =
      arguments.argc > 0 ? std::filesystem::path{arguments.argv[0]}.filename().string() : std::string{"farm"};
  CLI::App app{"Runs functions that are parallel by MPI as tasks, each on a group of ranks of its own.", program};
  app.set_version_flag("--version", fmt::format("farm {}", FARM_VERSION));
  app.set_help_flag("-h,--help", "Print this help and exit");
  app.get_formatter()->column_width(28);
  std::vector<CommandEntry> commands;
  for (auto const maker : command_makers()) commands.push_back(maker(app));
  app.require_subcommand(1);

  std::vector<std::string> const words{arguments.argv + std::min(1, arguments.argc), arguments.argv + arguments.argc};
  auto const dashes = std::find(words.begin(), words.end(), "--");
  std::vector<std::string> reversed;  // as CLI11 wants them
  std::transform(words.begin(), dashes, std::back_inserter(reversed), without_lists);
  std::reverse(reversed.begin(), reversed.end());
  try {
    app.parse(std::move(reversed));
  } catch (CLI::Success const& help_or_version) {
    return app.exit(help_or_version);
  } catch (CLI::ParseError const& error) {
    throw TypingError(explain(app, error));
  }
  for (auto const& [sub, command] : commands) {
    if (!sub->parsed()) continue;
    if (dashes != words.end()) command->add_inputs({dashes + 1, words.end()});
    return command->run(arguments);
  }
  return 2;
}

/// A Runtime that could not be made leaves MPI initialized, and mpiexec would call that a crash.
void finish_mpi() {
  int initialized = 0;
  int finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) MPI_Finalize();
}

}  // namespace

void Command::add_inputs(std::vector<std::string> inputs) {
  if (!inputs.empty()) throw TypingError(fmt::format("'{}' was not expected", inputs.front()));
}

bool add_command(CommandMaker maker) {
  command_makers().push_back(maker);
  return true;
}

CLI::Validator above_zero() {
  return CLI::Validator{[](std::string const& text) {
                          int value = 0;
                          auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
                          bool const good = error == std::errc{} && end == text.data() + text.size() && value > 0;
                          return good ? std::string{}
                                      : fmt::format("'{}' is given, a number above 0 is expected", text);
                        },
                        ""};
}

void SourceArguments::add_to(CLI::App& app) {
  app.add_option("--source", source, "Where ranks come from: spawned, static, launched (default: FARM_SOURCE)")
      ->type_name("NAME");
  app.add_option("--launcher", launcher, "What launches groups: mpiexec, srun, flux or a command with {ranks} in it")
      ->type_name("COMMAND");
  app.add_option("--hosts", hosts, "Hosts of launched groups, with their slots: a:4,b:4 (default: FARM_HOSTS)")
      ->type_name("LIST");
  app.add_option("--hostfile", hostfile, "File of them, one a line: a slots=4 (default: FARM_HOSTFILE)")
      ->type_name("FILE");
}

void SourceArguments::use() const {
  bool const launches = !launcher.empty() || !hosts.empty() || !hostfile.empty();
  if (!source.empty() || launches) set_option(Setting::source, source.empty() ? "launched" : source, "--source");
  if (!launcher.empty()) set_option(Setting::launcher, launcher, "--launcher");
  if (!hostfile.empty()) {
    set_option(Setting::hostfile, hostfile, "--hostfile");
    set_option(Setting::hosts, "", "--hosts");  // the option is nearer than the variable
  }
  if (!hosts.empty()) set_option(Setting::hosts, hosts, "--hosts");
}

void PoolArguments::add_to(CLI::App& app) {
  app.add_option("--ranks-per-task", ranks_per_task, "Ranks that run one task together")
      ->type_name("K")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--max-ranks", max_ranks, "Ranks alive at once (default: all slots)")
      ->type_name("N")
      ->check(above_zero());
  app.add_flag("--keep", keep, "Do not remove the files of arrays at the end; says where they are");
  app.add_option("--trace", trace, "Write what happens when and where to a file that Perfetto opens; see report")
      ->type_name("FILE");
  app.add_option("--stage", stage, "Directory for large arrays, shared by all hosts (default: FARM_STAGE_DIR)")
      ->type_name("DIR");
  source.add_to(app);
}

void PoolArguments::use() const {
  source.use();
  if (!trace.empty()) set_option(Setting::trace, std::filesystem::absolute(trace).string(), "--trace");
  if (keep) set_option(Setting::keep_stage, "1", "--keep");
  if (stage.empty()) return;
  auto const directory = std::filesystem::absolute(stage);
  if (auto const why = why_unusable(directory); !why.empty()) {
    throw StageError(fmt::format("the stage directory {} cannot be used: {}", directory.string(), why));
  }
  set_option(Setting::stage_dir, directory.string(), "--stage");
}

MPISpawnPool::Options PoolArguments::pool_options() const {
  MPISpawnPool::Options options{.max_ranks = max_ranks, .ranks_per_task = ranks_per_task};
  if (max_ranks == 0 && !is_set(Setting::max_workers)) {
    options.max_ranks = std::max(default_max_ranks(), ranks_per_task);
  }
  if (!stage.empty()) options.workers.environment["FARM_STAGE_DIR"] = std::filesystem::absolute(stage).string();
  return options;
}

void complain(std::string_view text) {
  std::string line;
  for (char const c : text) {
    if (c != '\n') {
      line += c;
    } else if (!line.ends_with(' ')) {
      line += ' ';
    }
  }
  log_error(line);
}

void print_out(std::string const& text, bool now) {
  bool const good =
      std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && (!now || std::fflush(stdout) == 0);
  if (!good) throw std::system_error(errno, std::generic_category(), "writing to the standard output");
}

}  // namespace detail

int run_main(int argc, char** argv) {
  using namespace detail;
  if (!started_as_worker().empty()) Runtime const serves_and_ends{argc, argv};
  int status = 1;
  try {
    status = run_command_line({argc, argv});
    print_out("", true);
  } catch (TypingError const& error) {
    complain(error.what());
    status = 2;
  } catch (std::exception const& error) {
    complain(error.what());
    status = 1;
  }
  finish_mpi();
  return status;
}

}  // namespace farm
