#include "spawn/program/command.hpp"
#include "spawn/program/manual/described_command.hpp"
#include "spawn/program/output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <string_view>

namespace farm::detail {
namespace {

/// Returns the text for roff: backslashes and dashes mean themselves, and no line is a request.
std::string escaped(std::string_view text) {
  std::string result;
  bool at_begin = true;
  for (char const c : text) {
    if (at_begin && (c == '.' || c == '\'')) result += "\\&";
    if (c == '\\') {
      result += "\\e";
    } else if (c == '-') {
      result += "\\-";
    } else {
      result += c;
    }
    at_begin = c == '\n';
  }
  return result;
}

/// Returns the text with a paragraph for each line.
std::string paragraphs(std::string const& text) {
  std::string result;
  for (std::size_t begin = 0; begin < text.size();) {
    auto const end = std::min(text.find('\n', begin), text.size());
    result += ".PP\n" + escaped(std::string_view{text}.substr(begin, end - begin)) + '\n';
    begin = end + 1;
  }
  return result;
}

std::string section(std::string const& program, DescribedCommand const& command) {
  auto text = fmt::format(".SH {}\n.B {} {}\n[options] {}\n.PP\n{}.\n", command.name, escaped(program), command.name,
                          escaped(fmt::format("{}", fmt::join(command.words, " "))), escaped(command.text));
  for (auto const& option : command.options) {
    text += fmt::format(".TP\n.BR \"{}\"{}\n{}\n", escaped(fmt::format("{}", fmt::join(option.names, ", "))),
                        option.value.empty() ? "" : " \" " + escaped(option.value) + '"', escaped(option.text));
  }
  return text + paragraphs(command.footer);
}

class ManCommand final : public Command {
 public:
  explicit ManCommand(CLI::App& program) : program_(program) {}

  int run(ProgramArguments /*arguments*/) override {
    auto const& name = program_.get_name();
    auto text = fmt::format(
        ".TH \"{0}\" 1 \"\" \"farm {1}\"\n.SH NAME\n{0} \\- {2}\n.SH SYNOPSIS\n.B {0}\nCOMMAND [options] ...\n",
        escaped(name), FARM_VERSION, escaped(program_.get_description()));
    for (auto const& command : described_commands(program_)) text += section(name, command);
    print_out(text);
    return 0;
  }

 private:
  CLI::App& program_;
};

}  // namespace

CommandEntry make_man_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("man", "Print the manual page of this program, for man -l");
  return {app, std::make_unique<ManCommand>(parent)};
}

}  // namespace farm::detail
