#pragma once

#include <farm/client_options.hpp>
#include <farm/detail/named_task.hpp>
#include <farm/detail/text_codec.hpp>
#include <farm/detail/text_value.hpp>
#include <farm/exit.hpp>
#include <farm/program.hpp>
#include <farm/service_job.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// What the templates of Client are made from. All functions block, and throw as Client's do.
namespace farm::detail {

class ClientCore;
using ClientPtr = std::shared_ptr<ClientCore>;

[[nodiscard]] ClientPtr make_client(ClientOptions const& options);

/// A function of the server, and the names of its parameters, if they have names.
struct ServiceFunction {
  std::string name{};
  std::vector<std::string> names{};
};
/// Returns the function that FARM_TASK has registered under its name. Throws UsageError if it is not registered.
[[nodiscard]] ServiceFunction service_function(void const* function);

/// Submits a job with a task for each list of arguments. Returns its number.
std::uint64_t submit_calls(ClientPtr const& client, SubmitOptions const& options, ServiceFunction const& function,
                           std::vector<TextValue::List>&& calls);
/// Submits a job that runs a program once.
std::uint64_t submit_program(ClientPtr const& client, SubmitOptions const& options, Program const& program);

/// Returns whether the task has ended, and waits for it for so long; for ever if there is no time.
[[nodiscard]] bool wait_for_task(ClientPtr const& client, std::uint64_t job, std::uint64_t task,
                                 std::optional<std::chrono::nanoseconds> time);
/// Waits for the task and returns its result. Throws its error.
[[nodiscard]] TextValue task_result(ClientPtr const& client, std::uint64_t job, std::uint64_t task);
/// Waits for the job, and calls `use` with each task's result, or its error, in the order of the tasks.
void for_each_task_result(
    ClientPtr const& client, std::uint64_t job,
    std::function<void(std::uint64_t task, TextValue const& value, std::exception_ptr error)> const& use);
[[nodiscard]] std::vector<farm::JobInfo> list_jobs(ClientPtr const& client);
/// Cancels one task. Returns false if it has ended.
bool cancel_task(ClientPtr const& client, std::uint64_t job, std::uint64_t task);
/// Returns the exit that the result of a program is.
[[nodiscard]] Exit exit_of(TextValue const& value);
/// Throws a SerializationError: the result of a task is not of the expected type.
[[noreturn]] void throw_wrong_result(TextValue const& value, char const* why);

/// Converts the JSON of a result to R, which may be void or Exit.
template <class R>
[[nodiscard]] R read_service_result(TextValue const& value) {
  if constexpr (std::is_same_v<R, Exit>) {
    return exit_of(value);
  } else if constexpr (!std::is_void_v<R>) {
    static_assert(Readable<R>, "the result of this task is of a type that cannot be read from text");
    R result{};
    try {
      TextCodec<R>::read(value, result);
    } catch (TextMismatch const& mismatch) {
      throw_wrong_result(value, mismatch.what());
    }
    return result;
  }
}

/// Converts an argument to the type of the parameter, and shows it.
template <class Parameter, class Argument>
[[nodiscard]] TextValue show_argument(Argument const& argument) {
  static_assert(std::is_convertible_v<Argument const&, Parameter>,
                "an argument cannot be converted to the type of the task's parameter");
  if constexpr (std::is_same_v<Parameter, Argument>) {
    return TextCodec<Parameter>::show(argument);
  } else if constexpr (std::is_arithmetic_v<Parameter>) {
    return TextCodec<Parameter>::show(static_cast<Parameter>(argument));
  } else {
    Parameter const converted = argument;
    return TextCodec<Parameter>::show(converted);
  }
}

/// An argument of a function that is known by its name only: texts are strings.
template <class Argument>
[[nodiscard]] TextValue show_untyped(Argument const& argument) {
  if constexpr (std::is_convertible_v<Argument const&, std::string>) {
    return show_argument<std::string>(argument);
  } else {
    return TextCodec<Argument>::show(argument);
  }
}

/// What is known of a call from the type of its function.
template <class F, class Given>
struct ServiceCallOf;
template <class F, class... Gs>
struct ServiceCallOf<F, TypeList<Gs...>> {
  using Result = typename submitted_call<F*, wire_type<Gs>...>::Called::Value;

  template <class... Args>
  static TextValue::List show(Args const&... args) {
    static_assert(sizeof...(Args) == sizeof...(Gs), "the task takes another number of arguments");
    if constexpr (sizeof...(Args) == sizeof...(Gs)) return {{show_argument<wire_type<Gs>>(args)...}};
  }
  /// Shows the input of a map: the only argument, or a tuple of all arguments.
  template <class Input>
  static TextValue::List show_input(Input const& input) {
    if constexpr (sizeof...(Gs) == 1) {
      return show(input);
    } else {
      return std::apply([](auto const&... args) { return show(args...); }, input);
    }
  }
};
template <class F>
using ServiceCall = ServiceCallOf<F, given_parameters<parameters_of<F*>>>;

}  // namespace farm::detail
