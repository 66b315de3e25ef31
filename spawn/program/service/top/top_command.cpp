#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/service/service_arguments.hpp"
#include "spawn/program/service/top/state_reader.hpp"
#include "spawn/program/service/top/terminal.hpp"
#include "spawn/program/service/top/top_screen.hpp"
#include "spawn/program/service/top/top_state.hpp"
#include "spawn/program/service/top/top_view.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail {
namespace {

constexpr double answer_limit = 5;  // seconds

bool is_utf8_locale() {
  for (auto const* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    auto const* const value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    std::string_view const text{value};
    return text.find("UTF-8") != std::string_view::npos || text.find("utf8") != std::string_view::npos;
  }
  return false;
}

bool wants_colours() {
  auto const* const no_colour = std::getenv("NO_COLOR");  // https://no-color.org
  return no_colour == nullptr || *no_colour == '\0';
}

class TopCommand final : public Command {
 public:
  explicit TopCommand(CLI::App& app) {
    service_.add_to(app);
    app.add_option("--interval", interval_, "Ask the server again after so many seconds (1)")
        ->check(CLI::Range(0.1, 3600.0))
        ->type_name("SECONDS");
    app.add_flag("--once", once_, "Print everything once, as if the output were no terminal");
    app.footer(
        "Keys: q quits; arrows, page up and down, home and end scroll; tab takes the other list; s changes its order.");
  }

  int run(ProgramArguments /*arguments*/) override {
    Requests requests{place()};
    if (once_ || service_.mode != OutputMode::text || !is_live_terminal()) return print_once(requests);
    return watch();
  }

 private:
  [[nodiscard]] ServerPlace place() const {
    return {.directory = service_.directory, .server = service_.server, .limit = answer_limit};
  }

  int print_once(Requests& requests) const {
    auto const state = ask_state(requests);
    if (service_.mode == OutputMode::quiet) return 0;
    if (service_.mode == OutputMode::json) {
      std::string jobs;
      for (auto const& job : state.jobs) jobs += (jobs.empty() ? "" : ",") + job.json;
      auto const groups = state.groups_json.substr(1, state.groups_json.rfind('}') - 1);
      print_out(fmt::format("{{\"server\":{},{},\"jobs\":[{}]}}\n", state.server.json, groups, jobs));
      return 0;
    }
    TopView view;
    view.width = 160;
    view.height = 0;
    for (auto const& line : top_lines(state, view)) print_out(line + '\n');
    return 0;
  }

  /// Shows the state until the user wants no more. Returns the exit status.
  int watch() {
    Requests first{place()};
    auto state = ask_state(first);  // what cannot work is an error before the screen is taken
    Terminal terminal;              // before the reader's thread: it blocks signals
    StateReader reader{Requests{place()}, std::chrono::milliseconds{static_cast<int>(interval_ * 1000)}};
    TopView view;
    view.has_colours = wants_colours();
    view.is_utf8 = is_utf8_locale();
    std::string problem;
    std::string keys;
    for (;;) {
      auto const size = Terminal::size();
      view.width = size.width;
      view.height = size.height;
      terminal.show(top_lines(state, view, problem));
      auto const news = terminal.wait(reader.descriptor(), std::chrono::milliseconds{60'000});
      if (news.is_woken) {
        auto result = reader.take();
        problem = std::move(result.problem);
        if (result.state) state = std::move(*result.state);
      }
      keys += news.keys;
      bool is_over = news.is_closed;
      for (auto key = take_key(keys); key != TopKey::none && !is_over; key = take_key(keys)) {
        if (key == TopKey::quit) is_over = true;
        if (key == TopKey::refresh) reader.hurry();
        apply_key(view, key, state);
      }
      if (is_over || news.signal != 0) return leave(terminal, reader, news.signal);
    }
  }

  static int leave(Terminal& terminal, StateReader const& reader, int signal) {
    terminal.leave();
    int const status = signal == 0 || signal == SIGINT ? 0 : 128 + signal;
    // The server does not answer, and the user does not want to wait for it: nothing else is left to be done.
    if (reader.is_asking()) std::_Exit(status);
    return status;
  }

  ServiceArguments service_;
  double interval_ = 1;
  bool once_ = false;
};

}  // namespace

CommandEntry make_top_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("top", "Show what the server does, live: groups, tasks and jobs");
  return {app, std::make_unique<TopCommand>(*app)};
}

}  // namespace farm::detail
