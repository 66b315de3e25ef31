#include "spawn/program/pool_arguments.hpp"

#include "core/base/settings.hpp"
#include "core/resources/memory_text.hpp"
#include "core/resources/resource_list.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/resources/host_resources.hpp"

#include <farm/error.hpp>
#include <farm/stage_directory.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <system_error>

namespace farm::detail {
namespace {

/// Returns a check of CLI11 for numbers above 0.
CLI::Validator above_zero() {
  return CLI::Validator{[](std::string const& text) {
                          int value = 0;
                          auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
                          if (error == std::errc::result_out_of_range && !text.starts_with('-'))
                            return fmt::format("'{}' was given, which is too large", text);
                          bool const good = error == std::errc{} && end == text.data() + text.size() && value > 0;
                          return good ? std::string{}
                                      : fmt::format("'{}' was given, a number above 0 is expected", text);
                        },
                        ""};
}

void add_resources(CLI::App& app, PoolArguments& pool) {
  app.add_option("--threads", pool.threads, "Threads of each rank: so many cores are its own (default: one core)")
      ->type_name("N")
      ->check(above_zero());
  app.add_option("--gpus", pool.gpus, "GPUs of each rank, which nobody else has meanwhile")
      ->type_name("N")
      ->check(above_zero());
  app.add_option_function<std::string>(
         "--memory", [&pool](std::string const& text) { pool.memory = read_memory(text).value_or(0); },
         "Memory of each rank, as 512MiB or 2GiB: tasks wait until so much is left")
      ->type_name("SIZE")
      ->check(CLI::Validator{
          [](std::string const& text) {
            auto const bytes = read_memory(text);
            return bytes && *bytes > 0 ? std::string{}
                                       : fmt::format("'{}' was given, a size such as 512MiB or 2GiB is expected", text);
          },
          ""});
  app.add_option_function<std::vector<std::string>>(
         "--resource",
         [&pool](std::vector<std::string> const& words) {
           for (auto const& word : words) {
             auto const [name, amount] = read_named_amount(word, "--resource");
             pool.resources[name] = amount;
           }
         },
         "What each task needs of a named resource, as licence=1; may be given several times")
      ->expected(1)
      ->take_all()
      ->type_name("NAME=N");
  app.add_option("--available", pool.available,
                 "What each host has, and named resources of the run: gpus=4,memory=64GiB,licence=2 (default: "
                 "FARM_RESOURCES)")
      ->type_name("LIST");
  app.add_flag("!--no-bind", pool.bind, "Do not bind ranks to cores");
}

}  // namespace

void SourceArguments::add_to(CLI::App& app) {
  app.add_option("--source", source, "Where groups come from: spawned, static or launched (default: FARM_SOURCE)")
      ->type_name("NAME");
  app.add_option("--launcher", launcher,
                 "What launches groups: mpiexec, srun, flux, or a command that contains {ranks}")
      ->type_name("COMMAND");
  app.add_option("--hosts", hosts, "Hosts of launched groups and their slots, as a:4,b:4 (default: FARM_HOSTS)")
      ->type_name("LIST");
  app.add_option("--hostfile", hostfile, "File of these hosts, one per line, as a slots=4 (default: FARM_HOSTFILE)")
      ->type_name("FILE");
  app.add_flag("--verbose", verbose, "Show the commands that launch groups, and all that these commands print");
}

void SourceArguments::use() const {
  bool const launches = !launcher.empty() || !hosts.empty() || !hostfile.empty();
  if (!source.empty() || launches) set_option(Setting::source, source.empty() ? "launched" : source, "--source");
  if (verbose) set_option(Setting::verbose, "1", "--verbose");
  if (!launcher.empty()) set_option(Setting::launcher, launcher, "--launcher");
  if (!hostfile.empty()) {
    set_option(Setting::hostfile, hostfile, "--hostfile");
    set_option(Setting::hosts, "", "--hosts");  // the option takes precedence over the variable
  }
  if (!hosts.empty()) set_option(Setting::hosts, hosts, "--hosts");
}

void PoolArguments::add_to(CLI::App& app) {
  app.add_option("--ranks-per-task", ranks_per_task, "Ranks that run one task together")
      ->type_name("K")
      ->check(above_zero())
      ->capture_default_str();
  app.add_option("--max-ranks", max_ranks, "Largest number of ranks alive at once (default: all slots)")
      ->type_name("N")
      ->check(above_zero());
  add_resources(app, *this);
  app.add_flag("--keep", keep, "Keep the files of arrays at the end, and print where they are");
  app.add_option("--trace", trace, "Write a timeline of tasks and ranks to a file, for Perfetto and the report command")
      ->type_name("FILE");
  app.add_option("--stage", stage,
                 "Directory for large arrays, on a file system of all hosts (default: FARM_STAGE_DIR)")
      ->type_name("DIR");
  source.add_to(app);
}

void PoolArguments::use() const {
  if (max_ranks != 0 && ranks_per_task > max_ranks) {
    throw TypingError(
        fmt::format("--ranks-per-task is {}, which is more than --max-ranks, {}", ranks_per_task, max_ranks));
  }
  source.use();
  if (!trace.empty()) set_option(Setting::trace, std::filesystem::absolute(trace).string(), "--trace");
  if (!available.empty()) set_option(Setting::resources, available, "--available");
  static_cast<void>(told_resources());
  if (keep) set_option(Setting::keep_stage, "1", "--keep");
  if (stage.empty()) return;
  auto const directory = std::filesystem::absolute(stage);
  if (auto const why = why_unusable(directory); !why.empty()) {
    throw StageError(fmt::format("--stage: the stage directory {} cannot be used: {}", directory.string(), why));
  }
  set_option(Setting::stage_dir, directory.string(), "--stage");
}

MPISpawnPool::Options PoolArguments::pool_options() const {
  MPISpawnPool::Options options{.max_ranks = max_ranks, .ranks_per_task = ranks_per_task};
  if (max_ranks == 0 && !is_set(Setting::max_workers)) {
    options.max_ranks = std::max(default_max_ranks(), ranks_per_task);
  }
  options.workers.threads = threads;
  options.workers.gpus = gpus;
  options.workers.memory = memory;
  options.workers.resources = resources;
  options.workers.bind = bind;
  if (!stage.empty()) options.workers.environment["FARM_STAGE_DIR"] = std::filesystem::absolute(stage).string();
  keep_output_of_ranks(options.workers);
  return options;
}

}  // namespace farm::detail
