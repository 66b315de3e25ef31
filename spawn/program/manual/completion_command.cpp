#include "spawn/program/command.hpp"
#include "spawn/program/manual/described_command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/task_registry.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace farm::detail {
namespace {

using Commands = std::vector<DescribedCommand>;

std::string words_of(Commands const& commands) {
  std::vector<std::string> names;
  for (auto const& command : commands) names.push_back(command.name);
  return fmt::format("{}", fmt::join(names, " "));
}

std::string words_of_tasks() {
  std::vector<std::string> names;
  for (auto const& task : named_tasks()) names.push_back(task.name);
  return fmt::format("{}", fmt::join(names, " "));
}

/// Returns the name of the function that completes: letters, digits and underscores only.
std::string function_name(std::string program) {
  for (char& c : program) {
    bool const is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!is_plain) c = '_';
  }
  return "_complete_" + program;
}

/// Returns the text in single quotes, and without the characters that the `marks` of a shell would give a meaning.
std::string quoted(std::string const& text, std::string_view marks = {}) {
  std::string result = "'";
  for (char const c : text) {
    if (marks.find(c) != std::string_view::npos) result += '\\';
    if (c == '\'') {
      result += "'\\''";
    } else {
      result += c;
    }
  }
  return result + "'";
}

/// Returns true if the first word of the command is a task.
bool takes_task(DescribedCommand const& command) { return !command.words.empty() && command.words[0] == "TASK"; }

std::string bash_script(std::string const& program, Commands const& commands) {
  auto const function = function_name(program);
  auto text = fmt::format(
      "{}() {{\n"
      "  local word=${{COMP_WORDS[COMP_CWORD]}} options= words=\n"
      "  case ${{COMP_WORDS[1]}} in\n",
      function);
  for (auto const& command : commands) {
    std::vector<std::string> options;
    for (auto const& option : command.options) options.insert(options.end(), option.names.begin(), option.names.end());
    text += fmt::format("    {}) options={} words={} ;;\n", command.name,
                        quoted(fmt::format("{}", fmt::join(options, " "))),
                        takes_task(command) ? quoted(words_of_tasks()) : "");
  }
  return text + fmt::format(
                    "  esac\n"
                    "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
                    "    words={}\n"
                    "  elif [[ $word == -* ]]; then\n"
                    "    words=$options\n"
                    "  elif [[ $COMP_CWORD -ne 2 ]]; then\n"
                    "    words=\n"
                    "  fi\n"
                    "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                    "}}\n"
                    "complete -o default -F {} {}\n",
                    quoted(words_of(commands) + " help"), function, program);
}

std::string zsh_script(std::string const& program, Commands const& commands) {
  auto const function = function_name(program);
  auto text = fmt::format("#compdef {}\n{}() {{\n  local -a commands=(\n", program, function);
  for (auto const& command : commands) text += fmt::format("    {}\n", quoted(command.name + ':' + command.text));
  text +=
      "  )\n"
      "  if (( CURRENT == 2 )); then\n"
      "    _describe command commands\n"
      "    return\n"
      "  fi\n"
      "  case $words[2] in\n";
  for (auto const& command : commands) {
    text += fmt::format("    {})\n", command.name);
    if (takes_task(command)) text += fmt::format("      (( CURRENT == 3 )) && compadd {}\n", words_of_tasks());
    text += "      _arguments";
    for (auto const& option : command.options) {
      for (auto const& name : option.names) {
        auto const value = option.value.empty() ? std::string{} : ':' + option.value + ":_files";
        auto const explained = quoted(option.text, "[]:\\");
        text += fmt::format(" \\\n        {}'['{}']{}'", name, explained, value);
      }
    }
    text += " \\\n        '*:input:_files' ;;\n";
  }
  return text + fmt::format("  esac\n}}\ncompdef {} {}\n", function, program);
}

std::string fish_script(std::string const& program, Commands const& commands) {
  std::string text;
  for (auto const& command : commands) {
    text += fmt::format("complete -c {} -n __fish_use_subcommand -f -a {} -d {}\n", program, command.name,
                        quoted(command.text));
    auto const within = fmt::format("complete -c {} -n '__fish_seen_subcommand_from {}'", program, command.name);
    if (takes_task(command)) text += fmt::format("{} -a {}\n", within, quoted(words_of_tasks()));
    for (auto const& option : command.options) {
      text += within;
      for (auto const& name : option.names)
        text += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      if (!option.value.empty()) text += " -r";
      text += fmt::format(" -d {}\n", quoted(option.text));
    }
  }
  return text;
}

class CompletionCommand final : public Command {
 public:
  CompletionCommand(CLI::App& program, CLI::App& app) : program_(program) {
    app.add_option("SHELL", shell_, "bash, zsh or fish")->required();
    app.footer(
        fmt::format("For bash: source <({0} completion bash). For zsh: source <({0} completion zsh), after "
                    "compinit. For fish: {0} completion fish | source.",
                    program.get_name()));
  }

  int run(ProgramArguments /*arguments*/) override {
    auto const commands = described_commands(program_);
    auto const name = program_.get_name();
    if (shell_ == "bash") {
      print_out(bash_script(name, commands));
    } else if (shell_ == "zsh") {
      print_out(zsh_script(name, commands));
    } else if (shell_ == "fish") {
      print_out(fish_script(name, commands));
    } else {
      throw TypingError(fmt::format("unknown shell '{}': there are bash, zsh, fish", shell_));
    }
    return 0;
  }

 private:
  CLI::App& program_;
  std::string shell_;
};

}  // namespace

CommandEntry make_completion_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("completion", "Print a script that makes a shell complete command lines");
  return {app, std::make_unique<CompletionCommand>(parent, *app)};
}

}  // namespace farm::detail
