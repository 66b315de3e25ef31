#pragma once

#include <farm/client_options.hpp>
#include <farm/detail/service_client.hpp>
#include <farm/program.hpp>
#include <farm/service_error.hpp>
#include <farm/service_future.hpp>
#include <farm/service_job.hpp>

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm {

/// Submits tasks to a server (`farm serve`), which runs them whether or not this process goes on.
///
/// The program need not be started by a launcher, and needs no Runtime: it never initializes MPI. The server runs
/// functions by their names, so its program must have registered them with FARM_TASK. Functions that this program has
/// registered as well can be called with their types; all others by their names. Arguments and results are sent as
/// JSON.
///
/// All functions block the caller until the server has answered: a job is on the server's disk when submit() returns.
/// If the connection breaks meanwhile, the same job is sent again, and not run twice. They throw NoServer if there is
/// no server, or if it does not come back in time; ServiceError if it refuses; and SerializationError if an argument
/// cannot be shown as JSON.
///
/// Copies share their connections. Thread-safe.
class Client {
 public:
  /// Does not connect yet. Throws UsageError if there is no state directory to look for a server in.
  explicit Client(ClientOptions const& options = {}) : client_(detail::make_client(options)) {}

  /// Submits a call of a function that FARM_TASK has registered in this program: `client.submit(calc, 1, 2)`. Arguments
  /// are converted to the types of its parameters. Throws UsageError if the function is not registered.
  template <class F, class... Args>
  requires std::is_function_v<F>
  [[nodiscard]] auto submit(SubmitOptions const& options, F* function, Args const&... args) {
    using Call = detail::ServiceCall<F>;
    std::vector<detail::TextValue::List> calls{Call::show(args...)};
    auto const job = detail::submit_calls(
        client_, options, detail::service_function(reinterpret_cast<void const*>(function)), std::move(calls));
    return ServiceFuture<typename Call::Result>{client_, job, 0};
  }
  /// The same, with default options.
  template <class F, class... Args>
  requires std::is_function_v<F>
  [[nodiscard]] auto submit(F* function, Args const&... args) { return submit(SubmitOptions{}, function, args...); }

  /// Submits a call of a function of the server by its name: `client.submit<int>("calc", 1, 2)`. The server checks the
  /// arguments.
  template <class R, class... Args>
  [[nodiscard]] ServiceFuture<R> submit(SubmitOptions const& options, std::string const& name, Args const&... args) {
    std::vector<detail::TextValue::List> calls;
    calls.push_back({{detail::show_untyped(args)...}});
    return {client_, detail::submit_calls(client_, options, {.name = name}, std::move(calls)), 0};
  }
  /// The same, with default options.
  template <class R, class... Args>
  [[nodiscard]] ServiceFuture<R> submit(std::string const& name, Args const&... args) {
    return submit<R>(SubmitOptions{}, name, args...);
  }

  /// Submits one job with a call of the function for each input. An input is the only argument, or a tuple of all
  /// arguments. Throws UsageError if there are no inputs.
  template <class F, class Inputs>
  requires std::is_function_v<F>
  [[nodiscard]] auto map(SubmitOptions const& options, F* function, Inputs const& inputs) {
    using Call = detail::ServiceCall<F>;
    std::vector<detail::TextValue::List> calls;
    for (auto const& input : inputs) calls.push_back(Call::show_input(input));
    auto const size = calls.size();
    auto const job = detail::submit_calls(
        client_, options, detail::service_function(reinterpret_cast<void const*>(function)), std::move(calls));
    return ServiceMap<typename Call::Result>{client_, job, size};
  }
  /// The same, with default options.
  template <class F, class Inputs>
  requires std::is_function_v<F>
  [[nodiscard]] auto map(F* function, Inputs const& inputs) { return map(SubmitOptions{}, function, inputs); }

  /// Submits a program, which runs once: `client.run({.command = {"./solver"}})`. A relative path of the program is
  /// relative to the directory. Its output goes to the job's log unless it has files of its own. Throws UsageError if
  /// the program has what a server does not take: an `input`, captured output, or any_exit.
  [[nodiscard]] ServiceFuture<Exit> run(Program const& program, SubmitOptions const& options = {}) {
    return {client_, detail::submit_program(client_, options, program), 0};
  }

  /// Returns a job by its number. Asks nobody.
  [[nodiscard]] ServiceJob job(std::uint64_t number) const { return {client_, number}; }
  /// Returns a task of a job that was submitted before, by any client. Asks nobody.
  template <class R>
  [[nodiscard]] ServiceFuture<R> future(std::uint64_t job, std::uint64_t task = 0) const {
    return {client_, job, task};
  }
  /// Returns all jobs of the server, the oldest first.
  [[nodiscard]] std::vector<JobInfo> jobs() const { return detail::list_jobs(client_); }

 private:
  detail::ClientPtr client_;
};

}  // namespace farm
