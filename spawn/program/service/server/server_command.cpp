// `server info`, `server wait` and `server stop`.
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/map/map_arguments.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/shown_text.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/detail/text_value.hpp>
#include <farm/service_error.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
constexpr auto poll_interval = 100ms;

std::string text_of(ServerReply const& server) {
  std::string text;
  auto const add = [&](std::string_view name, std::string const& value) {
    if (!value.empty()) text += fmt::format("{:<10} {}\n", name, one_line(value));
  };
  auto const now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  add("server", fmt::format("process {} on {}", server.process, server.host));
  add("program", fmt::format("{}, farm {}", server.program, server.version));
  add("directory", server.directory);
  add("since", fmt::format("{}, for {}", moment_text(server.since), time_text(now - server.since)));
  add("state", server.state);
  add("problem", server.problem);
  add("listens", fmt::format("{}", fmt::join(server.listen, ", ")));
  add("groups", fmt::format("{}, {}; at most {}", counted(server.groups, "group"), server.source,
                            counted(static_cast<std::uint64_t>(server.max_ranks), "rank")));
  add("slots", server.slots);
  add("outlives", server.outlives ? "groups go on if the server dies" : "groups end with the server; tasks run again");
  add("jobs", std::to_string(server.jobs));
  std::vector<std::string> counts;
  for (std::size_t i = 0; i < task_states; ++i) {
    if (server.counts[i] > 0)
      counts.push_back(fmt::format("{} {}", server.counts[i], word_of(static_cast<TaskState>(i))));
  }
  add("tasks", fmt::format("{}", fmt::join(counts, ", ")));
  if (server.rate > 0) add("rate", fmt::format("{:.3g} tasks/s", server.rate));
  for (auto const& line : server.damage) add("damage", line);
  return text;
}

class ServerInfoCommand final : public Command {
 public:
  explicit ServerInfoCommand(CLI::App& app) { service_.add_to(app); }

  int run(ProgramArguments /*arguments*/) override {
    auto const server = service_.requests().server();
    if (service_.mode == OutputMode::json) {
      print_out(server.json + '\n');
    } else if (service_.mode == OutputMode::quiet) {
      print_out(one_line(server.state) + '\n');
    } else {
      print_out(text_of(server));
    }
    return 0;
  }

 private:
  ServiceArguments service_;
};

class ServerWaitCommand final : public Command {
 public:
  explicit ServerWaitCommand(CLI::App& app) {
    add_time_option(
        app, "--timeout", [this](std::chrono::nanoseconds time) { limit_ = time; },
        "How long to wait at most (default: 1m); the exit status is 3 if there is no server then");
    service_.add_to(app);
  }

  int run(ProgramArguments /*arguments*/) override {
    auto const end = std::chrono::steady_clock::now() + limit_;
    for (;;) {
      try {
        static_cast<void>(service_.requests().server());
        return 0;
      } catch (NoServer const&) {
        if (std::chrono::steady_clock::now() >= end) throw;
      }
      std::this_thread::sleep_for(poll_interval);
    }
  }

 private:
  std::chrono::nanoseconds limit_ = 1min;
  ServiceArguments service_;
};

class ServerStopCommand final : public Command {
 public:
  explicit ServerStopCommand(CLI::App& app) {
    auto* const drain = app.add_flag("--drain", drains_, "Let the tasks that run come to their end (the default)");
    app.add_flag("--now", now_, "End the tasks that run; the next server runs them again")->excludes(drain);
    service_.add_to(app);
    app.footer(
        "Returns when the server has ended. Jobs stay on disk; the next server of the directory goes on with "
        "them.");
  }

  int run(ProgramArguments /*arguments*/) override {
    auto requests = service_.requests();
    auto const server = requests.server();
    requests.stop(!now_);
    while (runs_still(server)) std::this_thread::sleep_for(poll_interval);
    if (service_.mode == OutputMode::text)
      print_out(fmt::format("the server of {} (process {}) has ended\n", one_line(server.directory), server.process));
    return 0;
  }

 private:
  /// A server that is stopped is asked anew each time: it may close its connections before it ends.
  [[nodiscard]] bool runs_still(ServerReply const& stopped) const {
    try {
      auto const now = service_.requests().server();
      return now.process == stopped.process && now.host == stopped.host && now.since == stopped.since;
    } catch (NoServer const&) {
      return false;
    }
  }

  bool drains_ = false;
  bool now_ = false;
  ServiceArguments service_;
};

template <class C>
CommandEntry make(CLI::App& parent, char const* name, char const* description) {
  auto* const app = parent.add_subcommand(name, description);
  return {app, std::make_unique<C>(*app)};
}

CommandEntry make_server_info_command(CLI::App& parent) {
  return make<ServerInfoCommand>(parent, "info", "Tell about the server: where it runs, what it does");
}
CommandEntry make_server_wait_command(CLI::App& parent) {
  return make<ServerWaitCommand>(parent, "wait", "Wait until a server answers");
}
CommandEntry make_server_stop_command(CLI::App& parent) {
  return make<ServerStopCommand>(parent, "stop", "Stop the server");
}

}  // namespace

CommandEntry make_server_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("server", "Tell about a server, wait for it, or stop it");
  return {app, std::make_unique<CommandGroup>(
                   *app, std::vector<CommandMaker>{make_server_info_command, make_server_wait_command,
                                                   make_server_stop_command})};
}

}  // namespace farm::detail
