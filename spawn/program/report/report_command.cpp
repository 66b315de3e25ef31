#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/report/html/job_report.hpp"
#include "spawn/program/report/report_json.hpp"
#include "spawn/program/report/report_text.hpp"
#include "spawn/program/report/trace_html.hpp"
#include "spawn/program/report/trace_statistics.hpp"
#include "spawn/program/report/trace_summary.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/service/client/requests.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

namespace farm::detail {
namespace {

/// A page has room for more columns than lines of text have.
constexpr std::size_t page_columns = 240;

class ReportCommand final : public Command {
 public:
  explicit ReportCommand(CLI::App& app) {
    app.add_option("FILE", path_, "A trace: the file of --trace or FARM_TRACE");
    app.add_flag("--json", json_, "Print one JSON object");
    app.add_option("--html", html_, "Write the report to a page of HTML; -: to the standard output")->type_name("FILE");
    app.add_option("--job", job_, "Report a job of the service instead of a trace; wants --html")->type_name("N");
    app.add_option("--dir", place_.directory, "With --job: the server's state directory")->type_name("DIR");
    app.add_option("--server", place_.server, "With --job: a port on which the server listens")->type_name("HOST:PORT");
  }

  int run(ProgramArguments /*arguments*/) override {
    check();
    if (job_) {
      write_html(report_of_job());
    } else if (!html_.empty()) {
      write_html(trace_html(statistics_of(read_trace(path_), page_columns), path_));
    } else {
      auto const statistics = statistics_of(read_trace(path_));
      print_out(json_ ? report_json(statistics) : report_text(statistics));
    }
    return 0;
  }

 private:
  void check() const {
    if (job_ && !path_.empty()) throw TypingError("report takes a trace or --job, not both");
    if (!job_ && path_.empty()) throw TypingError("report needs a trace, or --job N with --html FILE");
    if (job_ && html_.empty()) throw TypingError("--job needs --html FILE; job info prints the facts as text");
    if (json_ && !html_.empty()) throw TypingError("--json and --html exclude each other");
  }

  [[nodiscard]] std::string report_of_job() const {
    Requests requests{place_};
    auto const job = requests.job(*job_);
    auto const now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    return job_report(
        job, [&](auto const& use) { requests.for_each_task(job.job, std::nullopt, use); }, now);
  }

  void write_html(std::string const& page) const {
    if (html_ == "-") return print_out(page);
    std::ofstream file{html_, std::ios::binary};
    file << page;
    file.close();
    if (!file)
      throw std::runtime_error(fmt::format("{} cannot be written: {}", html_, std::strerror(errno)));  // NOLINT
  }

  std::string path_;
  std::string html_;
  std::optional<std::uint64_t> job_;
  ServerPlace place_;
  bool json_ = false;
};

}  // namespace

CommandEntry make_report_command(CLI::App& parent) {
  auto* const app =
      parent.add_subcommand("report", "Report from a trace, or of a job, how tasks and ranks spent their time");
  return {app, std::make_unique<ReportCommand>(*app)};
}

}  // namespace farm::detail
