#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/doctor/check_mpi.hpp"
#include "spawn/program/doctor/check_spawn.hpp"
#include "spawn/program/doctor/check_system.hpp"
#include "spawn/program/doctor/settings_list.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/pool_arguments.hpp"

#include <farm/detail/text_value.hpp>
#include <farm/error.hpp>
#include <farm/runtime.hpp>

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

namespace farm::detail {
namespace {

using State = Finding::State;

class DoctorCommand final : public Command {
 public:
  explicit DoctorCommand(CLI::App& app) {
    app.add_option("--stage", stage_, "Directory for large arrays to check (default: FARM_STAGE_DIR)")
        ->type_name("DIR");
    source_.add_to(app);
    app.add_flag("--settings", settings_, "Only list all settings (FARM_... variables) with their current values");
    app.add_flag("--json", json_, "Print one JSON object per line");
    app.footer(
        "Each line begins with ok, note (works, but could be better) or FAIL (tasks would fail; the exit status is "
        "1).");
  }

  int run(ProgramArguments arguments) override {
    if (!stage_.empty()) set_option(Setting::stage_dir, std::filesystem::absolute(stage_).string(), "--stage");
    source_.use();
    if (settings_) {
      print_out(json_ ? settings_json() : settings_text());
      return 0;
    }
    print(check_setting_values());
    if (failed_) return stop("the settings are wrong");
    print(check_system());
    if (has_failed("descriptors")) return stop("MPI_Init would crash");
    bool const has_stage = !has_failed("stage directory");
    if (!has_stage) set_option(Setting::stage_dir, "", "--stage");  // its FAIL is said once, and a group may start
    try {
      Runtime const runtime{arguments.argc, arguments.argv};
      if (launched_as().rank > 0) return 0;  // groups are launched: the first process of this job checks
      print(check_mpi());
      for (auto const* const needed : {"PMIx library", "MPI", "slots", "source"}) {
        if (has_failed(needed)) return stop(fmt::format("no group starts without the {}", needed));
      }
      print(check_spawn(has_stage));
    } catch (UsageError const& error) {  // an option or a variable does not fit how the program was started
      print({{"source", State::fail, text_of(error)}});
    } catch (std::exception const& error) {
      print({{"MPI", State::fail, text_of(error)}});
    }
    return failed_ ? 1 : 0;
  }

 private:
  /// Says that the checks end here. Returns the exit status.
  int stop(std::string const& why) {
    print({{"spawn", State::note, "not tried: " + why}});
    return 1;
  }

  [[nodiscard]] bool has_failed(std::string const& subject) const { return failures_.contains(subject); }

  void print(Findings const& findings) {
    constexpr std::array states{"ok", "note", "FAIL"};
    for (auto const& finding : findings) {
      auto const* const state = states[static_cast<std::size_t>(finding.state)];
      failed_ |= finding.state == State::fail;
      if (finding.state == State::fail) failures_.insert(finding.subject);
      if (json_) {
        TextValue::Members object;
        auto const add = [&](char const* name, std::string const& text) { object.add(name, {.value = text}); };
        add("subject", finding.subject);
        add("state", state);
        add("text", finding.text);
        add("advice", finding.advice);
        print_out(to_json(object) + '\n', true);
      } else {
        auto const advice = finding.advice.empty() ? std::string{} : "; " + finding.advice;
        print_out(fmt::format("{:<5} {:<16} {}{}\n", state, finding.subject, finding.text, advice), true);
      }
    }
  }

  std::string stage_;
  SourceArguments source_;
  bool settings_ = false;
  bool json_ = false;
  bool failed_ = false;
  std::set<std::string> failures_;  ///< the subjects that have failed
};

}  // namespace

CommandEntry make_doctor_command(CLI::App& parent) {
  auto* const app =
      parent.add_subcommand("doctor", "Check everything that the farm depends on, and say what to change");
  return {app, std::make_unique<DoctorCommand>(*app)};
}

}  // namespace farm::detail
