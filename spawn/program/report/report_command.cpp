#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/report/report_json.hpp"
#include "spawn/program/report/report_text.hpp"
#include "spawn/program/report/trace_statistics.hpp"
#include "spawn/program/report/trace_summary.hpp"

#include <memory>
#include <string>

namespace farm::detail {
namespace {

class ReportCommand final : public Command {
 public:
  explicit ReportCommand(CLI::App& app) {
    app.add_option("FILE", path_, "A trace: the file of --trace or FARM_TRACE")->required();
    app.add_flag("--json", json_, "Print one JSON object");
  }

  int run(ProgramArguments /*arguments*/) override {
    auto const statistics = statistics_of(read_trace(path_));
    print_out(json_ ? report_json(statistics) : report_text(statistics));
    return 0;
  }

 private:
  std::string path_;
  bool json_ = false;
};

}  // namespace

CommandEntry make_report_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("report", "Print from a trace how tasks and ranks spent their time");
  return {app, std::make_unique<ReportCommand>(*app)};
}

}  // namespace farm::detail
