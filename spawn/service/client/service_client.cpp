#include <farm/detail/service_client.hpp>

#include "spawn/by_name/error_record.hpp"
#include "spawn/service/client/client_core.hpp"
#include "spawn/service/client/job_info.hpp"

#include <farm/detail/function_version.hpp>
#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

double seconds_of(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

JobSpec spec_of(SubmitOptions const& options) {
  TaskKind kind{.ranks = options.ranks,
                .threads = options.threads,
                .gpus = options.gpus,
                .memory = options.memory,
                .resources = options.resources,
                .retries = options.retries,
                .max_losses = options.max_losses,
                .cache = options.cache,
                .environment = options.environment};
  if (options.timeout) kind.timeout = seconds_of(*options.timeout);
  if (!options.directory.empty()) kind.directory = std::filesystem::absolute(options.directory).string();
  return {.name = options.name,
          .kinds = {std::move(kind)},
          .priority = options.priority,
          .hold = options.hold,
          .max_fails = options.max_fails,
          .after = options.after};
}

std::uint64_t submit(ClientPtr const& client, SubmissionBody& body) {
  return client->with([&](Requests& requests) { return requests.submit(body).job; });
}

/// Throws UsageError if the program has what a server does not take.
void check_program(Program const& program) {
  auto const refuse = [](char const* what) {
    throw UsageError(fmt::format("a server does not take a program with {}", what));
  };
  if (program.command.empty()) throw UsageError("the program has no command");
  if (!program.input.empty()) refuse("an input: write it to an input_file");
  if (program.capture > 0) refuse("captured output: ServiceJob::log() has all that it prints");
  if (program.any_exit) refuse("any_exit: the future throws ProgramError, which has the exit");
}

/// Braces mean themselves, unless the program has fields.
std::string text_of(std::string const& text, bool has_fields) {
  if (has_fields) return text;
  std::string doubled;
  for (char const c : text) {
    doubled += c;
    if (c == '{' || c == '}') doubled += c;
  }
  return doubled;
}

/// Throws the error of a task that has ended without a result.
[[noreturn]] void throw_error(Requests& requests, std::uint64_t job, TaskReply const& task) {
  TaskError::Details details{.task = task.task, .name = fmt::format("{}.{}", job, task.task)};
  details.ranks = static_cast<int>(std::max<std::int64_t>(1, requests.job(job).ranks));
  if (!task.error) throw CancelledError(fmt::format("task {}.{} was cancelled", job, task.task));
  std::rethrow_exception(error_from_record(read_text(task.error->json), std::move(details)));
}

}  // namespace

ClientPtr make_client(ClientOptions const& options) {
  ServerPlace const place{.directory = options.directory,
                          .server = options.server,
                          .token = options.token,
                          .limit = seconds_of(options.timeout),
                          .patience = seconds_of(options.reconnect)};
  static_cast<void>(Connection{place});  // throws if there is nowhere to look for a server
  return std::make_shared<ClientCore>(place);
}

ServiceFunction service_function(void const* function) {
  auto const known = registered_function(function);
  auto const& tasks = named_tasks();
  auto const found = std::find_if(tasks.begin(), tasks.end(),
                                  [&](NamedTask const& task) { return known && task.name == known->name; });
  if (found == tasks.end()) {
    throw UsageError(
        "a function is submitted to a server that this program has not registered: write FARM_TASK(function), or call "
        "it by its name");
  }
  return {.name = found->name, .names = found->names};
}

std::uint64_t submit_calls(ClientPtr const& client, SubmitOptions const& options, ServiceFunction const& function,
                           std::vector<TextValue::List>&& calls) {
  if (calls.empty()) throw UsageError(fmt::format("there are no inputs for {}", function.name));
  auto spec = spec_of(options);
  spec.kinds.front().function = function.name;
  SubmissionBody body{std::move(spec)};
  for (auto& call : calls) body.add(to_json(as_input(function.names, std::move(call))));
  return submit(client, body);
}

std::uint64_t submit_program(ClientPtr const& client, SubmitOptions const& options, Program const& program) {
  check_program(program);
  auto spec = spec_of(options);
  auto& kind = spec.kinds.front();
  std::filesystem::path const base =
      kind.directory.empty() ? std::filesystem::current_path() : std::filesystem::path{kind.directory};
  kind.directory = base.string();
  if (program.make_directory) {
    kind.task_directory = text_of((base / program.directory).string(), program.fields);
  } else {
    kind.directory = (base / program.directory).lexically_normal().string();
  }
  for (auto const& word : program.command) kind.command.push_back(text_of(word, program.fields));
  auto& name = kind.command.front();
  if (name.find('/') != std::string::npos)
    name = (std::filesystem::path{kind.directory} / name).lexically_normal().string();
  for (auto const& [variable, value] : program.environment) kind.environment[variable] = value;
  kind.stdin_file = text_of(program.input_file, program.fields);
  kind.stdout_file = text_of(program.output_file, program.fields);
  kind.stderr_file = text_of(program.error_file, program.fields);
  kind.mpi = program.mpi;
  SubmissionBody body{std::move(spec)};
  body.add("null");
  return submit(client, body);
}

bool wait_for_task(ClientPtr const& client, std::uint64_t job, std::uint64_t task,
                   std::optional<std::chrono::nanoseconds> time) {
  constexpr int seconds_at_once = 30;
  auto const end = time ? Clock::now() + *time : Clock::time_point::max();
  return client->with([&](Requests& requests) {
    bool const is_alone = requests.job(job).tasks == 1;
    for (auto pause = std::chrono::nanoseconds{10ms};; pause = std::min<std::chrono::nanoseconds>(2 * pause, 500ms)) {
      if (has_ended(requests.task({job, task}).state)) return true;
      auto const rest = time ? std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now())
                             : std::chrono::nanoseconds{24h};
      if (rest <= 0ns) return false;
      auto const whole = std::chrono::duration_cast<std::chrono::seconds>(rest).count();
      if (is_alone && whole > 0) {
        static_cast<void>(requests.wait(job, static_cast<int>(std::min<std::int64_t>(whole, seconds_at_once))));
      } else {
        std::this_thread::sleep_for(std::min(pause, rest));
      }
    }
  });
}

TextValue task_result(ClientPtr const& client, std::uint64_t job, std::uint64_t task) {
  static_cast<void>(wait_for_task(client, job, task, std::nullopt));
  return client->with([&](Requests& requests) {
    auto const reply = requests.task({job, task});
    if (reply.state != TaskState::finished) throw_error(requests, job, reply);
    return read_text(reply.result);
  });
}

void for_each_task_result(
    ClientPtr const& client, std::uint64_t job,
    std::function<void(std::uint64_t task, TextValue const& value, std::exception_ptr error)> const& use) {
  ServiceJob{client, job}.wait();
  client->with([&](Requests& requests) {
    auto const ranks = static_cast<int>(std::max<std::int64_t>(1, requests.job(job).ranks));
    requests.for_each_result(job, 0, [&](ResultReply&& result) {
      if (result.error) {
        TaskError::Details details{.task = result.index, .name = fmt::format("{}.{}", job, result.index)};
        details.ranks = ranks;
        details.input = result.index;
        use(result.index, {}, error_from_record(read_text(result.error->json), std::move(details)));
      } else {
        use(result.index, read_text(result.result), nullptr);
      }
      return true;
    });
  });
}

std::vector<farm::JobInfo> list_jobs(ClientPtr const& client) {
  return client->with([](Requests& requests) {
    std::vector<farm::JobInfo> jobs;
    requests.for_each_job(std::nullopt, [&](JobReply const& job) { jobs.push_back(job_info(job)); });
    return jobs;
  });
}

bool cancel_task(ClientPtr const& client, std::uint64_t job, std::uint64_t task) {
  return client->with([&](Requests& requests) { return requests.cancel(job, std::to_string(task)) > 0; });
}

Exit exit_of(TextValue const& value) {
  Exit exit;
  try {
    auto const members = read_members(value, "the exit of a program");
    auto const read = [&]<class T>(char const* name, T& member) {
      auto const found = std::find(members.names.begin(), members.names.end(), name);
      if (found != members.names.end())
        TextCodec<T>::read(members.values[static_cast<std::size_t>(found - members.names.begin())], member);
    };
    read("status", exit.status);
    read("signal", exit.signal);
    read("seconds", exit.seconds);
    read("peak_memory", exit.peak_memory);
    read("host", exit.host);
  } catch (TextMismatch const& mismatch) {
    throw_wrong_result(value, mismatch.what());
  }
  return exit;
}

void throw_wrong_result(TextValue const& value, char const* why) {
  constexpr std::size_t most = 100;
  throw SerializationError(fmt::format("the result of a task is {}: {}", to_json(value).substr(0, most), why));
}

}  // namespace farm::detail
