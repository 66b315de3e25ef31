#include "core/base/settings.hpp"
#include "core/text/exception_text.hpp"
#include "spawn/environment/launched_as.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/pool_arguments.hpp"
#include "spawn/program/service/serve/detach.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/runtime/interrupt.hpp"
#include "spawn/service/client/state_directory.hpp"
#include "spawn/service/server/service.hpp"

#include <farm/detail/log.hpp>
#include <farm/runtime.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <sys/stat.h>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace farm::detail {
namespace {

/// Lets signals stop a service: the first SIGINT or SIGTERM lets the tasks that run come to their end for a while, the
/// second ends them at once.
class StopSignals {
 public:
  explicit StopSignals(double grace) : grace_(grace) {
    Interrupt::ask_first([this](int signal) { return on_signal(signal); });
  }
  StopSignals(StopSignals const&) = delete;
  StopSignals& operator=(StopSignals const&) = delete;
  ~StopSignals() {
    Interrupt::ask_first(nullptr);
    watcher_ = {};
  }

  /// The service that is stopped; null: there is none yet, or no more.
  void set(Service* service) {
    std::scoped_lock const lock{mutex_};
    service_ = service;
    if (service != nullptr && signals_ > 0) service->stop(Dispatcher::How::now);
  }

 private:
  bool on_signal(int signal) {
    if (signal == SIGPIPE) return true;  // a client has gone, or nobody reads the output
    if (signal != SIGINT && signal != SIGTERM && signal != SIGHUP && signal != SIGUSR1) return false;
    std::scoped_lock const lock{mutex_};
    bool const is_first = ++signals_ == 1;
    if (service_ == nullptr) return true;
    if (!is_first || grace_ <= 0) {
      service_->stop(Dispatcher::How::now);
      return true;
    }
    log_error(fmt::format("{}: waiting up to {:g} s for the tasks that run; once more to end them", strsignal(signal),
                          grace_));  // NOLINT
    service_->stop(Dispatcher::How::drain);
    watcher_ = std::jthread{[this](std::stop_token const& stop) { end_after_grace(stop); }};
    return true;
  }

  void end_after_grace(std::stop_token const& stop) {
    auto const end = std::chrono::steady_clock::now() + std::chrono::duration<double>(grace_);
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds{50});
    std::scoped_lock const lock{mutex_};
    if (!stop.stop_requested() && service_ != nullptr) service_->stop(Dispatcher::How::now);
  }

  double grace_;
  std::mutex mutex_;
  Service* service_ = nullptr;
  int signals_ = 0;
  std::jthread watcher_;
};

class ServeCommand final : public Command {
 public:
  explicit ServeCommand(CLI::App& app) {
    app.add_option("--dir", directory_, "State directory (default: FARM_DIR, else ~/.local/state/farm)")
        ->type_name("DIR");
    app.add_option("--listen", listen_, "Also listen on this address, for clients with the token; port 0: any")
        ->type_name("HOST:PORT")
        ->take_all()
        ->expected(1);
    app.add_flag("--web", web_, "Serve the web page, on 127.0.0.1 unless --listen says otherwise");
    app.add_flag("--detach", detaches_, "Leave the terminal; what the server prints goes to DIR/server.log");
    app.add_option("--reconnect", reconnect_, "Seconds that groups wait for the next server if this one dies")
        ->type_name("SECONDS")
        ->check(CLI::Range(1, 1'000'000))
        ->capture_default_str();
    app.add_option("--grace", grace_, "Seconds that tasks may go on after SIGTERM or Ctrl-C")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.0, 1e9))
        ->capture_default_str();
    pool_.add_to(app);
    app.footer(
        "Runs the tasks that `submit` sends, until `server stop`, Ctrl-C or SIGTERM. What is submitted is on disk: the "
        "next server of the directory goes on where this one has ended, however it has ended.\n"
        "mpiexec -n 1 -host localhost:17 farm  is a server, too.");
  }

  int run(ProgramArguments arguments) override {
    auto const directory = state_directory(directory_);
    if (detaches_ && !launched_as().singleton)
      throw TypingError("--detach: a server that mpiexec has started ends with mpiexec; start it without --detach");
    std::optional<Detached> detached;
    if (detaches_) {
      make_directory(directory);
      detached.emplace((directory / "server.log").string());
    }
    try {
      return serve(directory, arguments, detached);
    } catch (std::exception const& error) {
      if (detached) detached->tell(fmt::format("{}\n", text_of(error)), 1);
      throw;
    }
  }

 private:
  static void make_directory(std::filesystem::path const& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory.parent_path(), error);
    mkdir(directory.c_str(), 0700);
  }

  int serve(std::filesystem::path const& directory, ProgramArguments arguments, std::optional<Detached>& detached) {
    if (pool_.stage.empty() && !is_set(Setting::stage_dir)) {
      make_directory(directory);
      make_directory(directory / "stage");
      pool_.stage = (directory / "stage").string();
    }
    pool_.use();
    StopSignals signals{grace_};
    Runtime const runtime{arguments.argc, arguments.argv};
    if (launched_as().rank > 0) return 0;  // groups are launched: the first process of this job is the master
    Service service{{.directory = directory,
                     .listen = listen_,
                     .has_page = web_,
                     .pool = pool_.pool_options(),
                     .reconnect = std::chrono::seconds{reconnect_},
                     .program = arguments.argc > 0 ? arguments.argv[0] : "farm"}};
    auto const greeting = fmt::format("{}\n", fmt::join(service.greeting(), "\n"));
    if (detached) detached->tell(greeting, 0);
    print_out(greeting, true);
    signals.set(&service);
    service.run();
    signals.set(nullptr);
    return 0;
  }

  std::string directory_;
  std::vector<std::string> listen_;
  bool web_ = false;
  bool detaches_ = false;
  int reconnect_ = 600;
  double grace_ = 20;
  PoolArguments pool_;
};

}  // namespace

CommandEntry make_serve_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("serve", "Run a server that keeps jobs on disk");
  return {app, std::make_unique<ServeCommand>(*app)};
}

}  // namespace farm::detail
