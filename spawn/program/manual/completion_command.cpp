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

/// What the first word of a command may be, as a shell's words.
struct FirstWords {
  std::string fixed{};    ///< separated by blanks
  bool has_jobs = false;  ///< the numbers of the server's jobs as well
};

FirstWords first_words_of(DescribedCommand const& command) {
  if (!command.commands.empty()) return {words_of(command.commands)};
  if (command.words.empty()) return {};
  if (command.words[0] == "TASK") return {words_of_tasks()};
  if (command.words[0] == "JOB") return {"all last", true};
  return {};
}

/// Lists the jobs. A server that does not answer must not keep the shell waiting.
std::string list_of_jobs(std::string const& program) {
  return fmt::format("$(timeout 2 {} job list --output-mode quiet 2>/dev/null)", program);
}

/// Returns `case` branches, one for each command. `place` is where the command's first word stands.
std::string bash_branches(std::string const& program, Commands const& commands, int place, std::string const& indent) {
  std::string text;
  for (auto const& command : commands) {
    std::vector<std::string> options;
    for (auto const& option : command.options) options.insert(options.end(), option.names.begin(), option.names.end());
    auto const first = first_words_of(command);
    text += fmt::format("{0}{1}) first={2} options={3} words={4}\n", indent, command.name, place,
                        quoted(fmt::format("{}", fmt::join(options, " "))), quoted(first.fixed));
    if (first.has_jobs) {
      text += fmt::format("{0}  [[ $COMP_CWORD -eq {1} && $word != -* ]] && words+=\" {2}\"\n", indent, place,
                          list_of_jobs(program));
    }
    if (!command.commands.empty()) {
      text +=
          fmt::format("{0}  if [[ $COMP_CWORD -gt {1} ]]; then\n{0}    words=\n{0}    case ${{COMP_WORDS[{1}]}} in\n",
                      indent, place);
      text += bash_branches(program, command.commands, place + 1, indent + "      ");
      text += fmt::format("{0}    esac\n{0}  fi\n", indent);
    }
    text += fmt::format("{}  ;;\n", indent);
  }
  return text;
}

std::string bash_script(std::string const& program, Commands const& commands) {
  auto const function = function_name(program);
  return fmt::format(
             "{}() {{\n"
             "  local word=${{COMP_WORDS[COMP_CWORD]}} options= words= first=2\n"
             "  case ${{COMP_WORDS[1]}} in\n"
             "    help) words={} ;;\n",
             function, quoted(words_of(commands))) +
         bash_branches(program, commands, 2, "    ") +
         fmt::format(
             "  esac\n"
             "  if [[ $COMP_CWORD -eq 1 ]]; then\n"
             "    words={}\n"
             "  elif [[ $word == -* ]]; then\n"
             "    words=$options\n"
             "  elif [[ $COMP_CWORD -ne $first ]]; then\n"
             "    words=\n"
             "  fi\n"
             "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
             "}}\n"
             "complete -o default -F {} {}\n",
             quoted(words_of(commands) + " help"), function, program);
}

/// Returns the lines that offer commands, where the word at `place` is one.
std::string zsh_commands(Commands const& commands, int place, std::string const& indent) {
  auto text = indent + "local -a commands=(\n";
  for (auto const& command : commands)
    text += fmt::format("{}  {}\n", indent, quoted(command.name + ':' + command.text));
  return text + fmt::format(
                    "{0})\n"
                    "{0}if (( CURRENT == {1} )); then\n"
                    "{0}  _describe command commands\n"
                    "{0}  return\n"
                    "{0}fi\n",
                    indent, place);
}

std::string zsh_branches(std::string const& program, Commands const& commands, int place, std::string const& indent) {
  auto text = fmt::format("{}case $words[{}] in\n", indent, place - 1);
  for (auto const& command : commands) {
    text += fmt::format("{}  {})\n", indent, command.name);
    if (!command.commands.empty()) {
      text += zsh_commands(command.commands, place, indent + "    ");
      text += zsh_branches(program, command.commands, place + 1, indent + "    ") + indent + "    ;;\n";
      continue;
    }
    auto const first = first_words_of(command);
    if (!first.fixed.empty()) {
      text += fmt::format("{}    (( CURRENT == {} )) && [[ $words[CURRENT] != -* ]] && compadd {}{}\n", indent, place,
                          first.fixed, first.has_jobs ? ' ' + list_of_jobs(program) : "");
    }
    text += indent + "    _arguments";
    for (auto const& option : command.options) {
      for (auto const& name : option.names) {
        auto const value = option.value.empty() ? std::string{} : ':' + option.value + ":_files";
        auto const explained = quoted(option.text, "[]:\\");
        text += fmt::format(" \\\n{}      {}'['{}']{}'", indent, name, explained, value);
      }
    }
    text += fmt::format(" \\\n{}      '*:input:_files' ;;\n", indent);
  }
  return text + indent + "esac\n";
}

std::string zsh_script(std::string const& program, Commands const& commands) {
  auto const function = function_name(program);
  return fmt::format("#compdef {}\n{}() {{\n", program, function) + zsh_commands(commands, 2, "  ") +
         zsh_branches(program, commands, 3, "  ") + fmt::format("}}\ncompdef {} {}\n", function, program);
}

/// `above` are the words before the command.
std::string fish_lines(std::string const& program, std::string const& above, Commands const& commands) {
  auto const function = function_name(program);
  std::string text;
  for (auto const& command : commands) {
    text += fmt::format("complete -c {} -n '{}_at{}' -f -a {} -d {}\n", program, function, above, command.name,
                        quoted(command.text));
    auto const words = above + ' ' + command.name;
    auto const within = fmt::format("complete -c {} -n '{}_in{}'", program, function, words);
    if (!command.commands.empty()) {
      text += fish_lines(program, words, command.commands);
      continue;
    }
    auto const first = first_words_of(command);
    if (first.has_jobs) {
      text += fmt::format(
          "complete -c {0} -n '{1}_at{2}' -f -a '{3} (timeout 2 {0} job list --output-mode quiet "
          "2>/dev/null)'\n",
          program, function, words, first.fixed);
    } else if (!first.fixed.empty()) {
      text += fmt::format("{} -a {}\n", within, quoted(first.fixed));
    }
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

std::string fish_script(std::string const& program, Commands const& commands) {
  // the words before the cursor are exactly those, or begin with them
  auto const functions = fmt::format(
      "function {0}_at\n"
      "  set -l words (commandline -opc)\n"
      "  set -e words[1]\n"
      "  test \"$words\" = \"$argv\"\n"
      "end\n"
      "function {0}_in\n"
      "  set -l words (commandline -opc)\n"
      "  set -e words[1]\n"
      "  string match -q -- \"$argv *\" \"$words \"\n"
      "end\n",
      function_name(program));
  return functions + fish_lines(program, {}, commands);
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
