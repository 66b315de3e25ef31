#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/report/trace_report.hpp"

#include <memory>
#include <string>

namespace farm::detail {
namespace {

class ReportCommand final : public Command {
 public:
  explicit ReportCommand(CLI::App& app) {
    app.add_option("FILE", path_, "A trace: the file of --trace or FARM_TRACE")->required();
  }

  int run(ProgramArguments /*arguments*/) override {
    print_out(report_text(read_trace(path_)));
    return 0;
  }

 private:
  std::string path_;
};

}  // namespace

CommandEntry make_report_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("report", "Print from a trace how tasks and ranks spent their time");
  return {app, std::make_unique<ReportCommand>(*app)};
}

}  // namespace farm::detail
