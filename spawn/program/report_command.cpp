#include "spawn/program/command.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <stdexcept>
#include <utility>

namespace farm::detail {
namespace {

using Json = nlohmann::json;

/// All times are microseconds on the timeline of the trace.
struct Task {
  double queued = 0;
  double sent = 0;
  double started = std::numeric_limits<double>::max();  ///< of the last attempt, by its first rank
  double ended = 0;                                     ///< by its last rank
  double received = 0;
  int attempt = 0;
  std::string outcome{};
};

struct Lane {
  double born = 0;  ///< its group was ready
  double starting = 0;
  double last = 0;
  double in_tasks = 0;
  double lost_in_tasks = 0;
};

struct Staging {
  std::uint64_t count = 0;
  double time = 0;
  double bytes = 0;
};

class Report {
 public:
  void add(Json const& event) {
    auto const phase = event.at("ph").get<std::string>();
    if (phase == "M") return;
    auto const kind = event.value("cat", "");
    auto const& arguments = event.contains("args") ? event.at("args") : Json{};
    double const begin = event.at("ts").get<double>();
    double const end = begin + event.value("dur", 0.0);
    std::pair const place{event.at("pid").get<std::uint64_t>(), event.at("tid").get<int>()};
    if (kind == "task") return add_task(lanes_[place], arguments, begin, end);
    if (kind == "stage") return add_staging(event.at("name").get<std::string>(), end - begin, arguments);
    if (kind == "loss") ++losses_;
    if (kind == "retry") ++retries_;
    if (kind != "group") return;
    auto const name = event.at("name").get<std::string>();
    if (name == "birth") {
      lanes_[place] = {.born = end, .starting = end - begin, .last = end};
      if (place.second == 0) births_.push_back(end - begin);
      ++ranks_on_[arguments.value("host", "hosts that are not known")];
    } else if (name == "gone") {
      for (auto& [where, lane] : lanes_) {
        if (where.first == place.first) lane.last = std::max(lane.last, begin);
      }
    } else if (name == "failed birth") {
      ++failed_births_;
    }
  }

  [[nodiscard]] std::string text() const {
    std::string out = summary();
    if (!tasks_.empty()) out += times();
    return out + shares() + groups() + staging();
  }

 private:
  void add_task(Lane& lane, Json const& arguments, double begin, double end) {
    auto const outcome = arguments.at("outcome").get<std::string>();
    bool const done = outcome == "value" || outcome == "error";
    (done ? lane.in_tasks : lane.lost_in_tasks) += end - begin;
    lane.last = std::max(lane.last, end);
    auto& task = tasks_[{arguments.at("pool").get<int>(), arguments.at("task").get<std::uint64_t>()}];
    int const attempt = arguments.at("attempt").get<int>();
    if (attempt < task.attempt) return;
    if (attempt > task.attempt) task = {.attempt = attempt};
    task.queued = arguments.at("queued").get<double>();
    task.sent = arguments.at("sent").get<double>();
    task.started = std::min(task.started, arguments.at("started").get<double>());
    task.ended = std::max(task.ended, arguments.at("ended").get<double>());
    task.received = std::max(task.received, arguments.at("received").get<double>());
    if (task.outcome.empty() || task.outcome == "value") task.outcome = outcome;
  }

  void add_staging(std::string const& name, double time, Json const& arguments) {
    auto& staging = staging_[name];
    ++staging.count;
    staging.time += time;
    staging.bytes += arguments.at("bytes").get<double>();
  }

  [[nodiscard]] std::string summary() const {
    std::map<std::string, int> outcomes;
    double first = std::numeric_limits<double>::max();
    double last = 0;
    for (auto const& [key, task] : tasks_) {
      ++outcomes[task.outcome];
      first = std::min(first, task.queued);
      last = std::max(last, task.received);
    }
    auto out = fmt::format("{} tasks", tasks_.size());
    for (auto const& [outcome, count] : outcomes) out += fmt::format(", {} {}", count, named(outcome));
    if (!tasks_.empty())
      out += fmt::format("; {} from the first submission to the last result", duration(last - first));
    return out + '\n';
  }

  static std::string_view named(std::string_view outcome) {
    if (outcome == "value") return "with a value";
    if (outcome == "error") return "with an error";
    return outcome == "lost" ? "lost with their group" : "ended with their group";
  }

  [[nodiscard]] std::string times() const {
    auto out = fmt::format("\n{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}\n", "time of a task", "median", "90 %", "99 %",
                           "longest", "sum");
    auto const row = [&](char const* name, auto time_of) {
      std::vector<double> values;
      for (auto const& [key, task] : tasks_) values.push_back(time_of(task));
      std::sort(values.begin(), values.end());
      auto const at = [&](double part) {
        return duration(values[static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size()))) - 1]);
      };
      double sum = 0;
      for (double const value : values) sum += value;
      out += fmt::format("{:<34}{:>10}{:>10}{:>10}{:>10}{:>10}\n", name, at(0.5), at(0.9), at(0.99),
                         duration(values.back()), duration(sum));
    };
    row("queued at the master", [](Task const& task) { return task.sent - task.queued; });
    row("on its way, and waiting at ranks", [](Task const& task) { return task.started - task.sent; });
    row("running", [](Task const& task) { return task.ended - task.started; });
    row("on its way back", [](Task const& task) { return task.received - task.ended; });
    return out;
  }

  /// Of the ranks' time, from when their start was asked for until they were gone.
  [[nodiscard]] std::string shares() const {
    double starting = 0;
    double in_tasks = 0;
    double lost = 0;
    double alive = 0;
    for (auto const& [place, lane] : lanes_) {
      starting += lane.starting;
      in_tasks += lane.in_tasks;
      lost += lane.lost_in_tasks;
      alive += std::max(0.0, lane.last - lane.born);
    }
    double const all = starting + alive;
    if (all <= 0) return {};
    auto const share = [&](double time) { return 100 * time / all; };
    return fmt::format(
        "\n{} ranks, {} in all: in tasks {:.1f} %, in tasks that were lost {:.1f} %, starting {:.1f} %, waiting {:.1f} "
        "%\nbusy share once they were there: {:.1f} %\n",
        lanes_.size(), duration(all), share(in_tasks), share(lost), share(starting), share(alive - in_tasks - lost),
        alive > 0 ? 100 * in_tasks / alive : 0);
  }

  [[nodiscard]] std::string groups() const {
    auto births = births_;
    std::sort(births.begin(), births.end());
    auto out = fmt::format("\n{} groups were started", births.size());
    if (!births.empty())
      out +=
          fmt::format(", in {} (median), {} (longest)", duration(births[births.size() / 2]), duration(births.back()));
    out +=
        fmt::format("; {} failed to start; {} lost; {} further attempts of tasks\n", failed_births_, losses_, retries_);
    for (auto const& [host, ranks] : ranks_on_) out += fmt::format("{} ranks on {}\n", ranks, host);
    return out;
  }

  [[nodiscard]] std::string staging() const {
    std::string out;
    for (auto const& [name, each] : staging_) {
      out += fmt::format("arrays, {}: {} times, {:.1f} MiB, {}\n", name, each.count, each.bytes / 1048576,
                         duration(each.time));
    }
    return out;
  }

  static std::string duration(double us) {
    if (us < 1e3) return fmt::format("{:.1f} us", us);
    if (us < 1e6) return fmt::format("{:.2f} ms", us / 1e3);
    return fmt::format("{:.3f} s", us / 1e6);
  }

  std::map<std::pair<int, std::uint64_t>, Task> tasks_;
  std::map<std::pair<std::uint64_t, int>, Lane> lanes_;
  std::map<std::string, Staging> staging_;
  std::vector<double> births_;
  std::map<std::string, int> ranks_on_;  ///< each host, over all groups
  int failed_births_ = 0;
  int losses_ = 0;
  int retries_ = 0;
};

/// Line by line: a trace may be larger than memory. The last line may lack where the master was killed.
Report read_trace(std::string const& path) {
  std::ifstream file{path};
  if (!file) throw std::runtime_error(fmt::format("{} cannot be read: {}", path, std::strerror(errno)));  // NOLINT
  std::string line;
  if (!std::getline(file, line) || line != "[") {
    throw std::runtime_error(fmt::format("{} is no trace that the farm has written: its first line is not [", path));
  }
  Report report;
  for (std::uint64_t number = 2; std::getline(file, line) && line != "]"; ++number) {
    if (line.ends_with(',')) line.pop_back();
    try {
      report.add(Json::parse(line));
    } catch (Json::exception const&) {
      if (file.peek() == std::ifstream::traits_type::eof()) break;  // it was being written
      throw std::runtime_error(fmt::format("{} is no trace that the farm has written: see line {}", path, number));
    }
  }
  if (file.bad()) throw std::runtime_error(fmt::format("{} cannot be read to its end", path));
  return report;
}

class ReportCommand final : public Command {
 public:
  explicit ReportCommand(CLI::App& app) {
    app.add_option("FILE", path_, "A file that --trace has written")->required();
  }

  int run(ProgramArguments /*arguments*/) override {
    print_out(read_trace(path_).text());
    return 0;
  }

 private:
  std::string path_;
};

}  // namespace

CommandEntry make_report_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("report", "Tell from a trace where the time of tasks and ranks went");
  return {app, std::make_unique<ReportCommand>(*app)};
}

}  // namespace farm::detail
