#pragma once

#include <farm/detail/signature.hpp>
#include <farm/detail/text_codec.hpp>
#include <farm/detail/text_value.hpp>
#include <farm/mpi_spawn_pool.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Functions that are called by name, with arguments and results as text.
namespace farm::detail {

/// The result of a named task that was submitted.
struct NamedResult {
  std::function<bool()> done;
  std::function<TextValue()> get;  ///< blocks and throws as Future::result() does; null for void
};

/// A call of a named task whose arguments have been read. It is not submitted yet.
struct NamedCall {
  TextValue input;  ///< the argument, or a list of several arguments
  std::function<NamedResult(MPISpawnPool&, TaskOptions const&)> submit;
};

/// A task that FARM_TASK registered.
struct NamedTask {
  std::string name;
  std::vector<std::string> arguments;  ///< the names of the types of the arguments that the caller gives
  std::string result;                  ///< the name of its type; "nothing" for void
  /// Reads the arguments of one call: a JSON value, or several separated by commas. Strings may stand without quotes.
  /// Throws a UsageError that names the argument, its text and the expected type.
  std::function<NamedCall(std::string const& input)> read;

  /// Returns the name with the types: "calc(int) -> (int, int, int)".
  [[nodiscard]] std::string signature() const;
};

/// Returns all registered tasks, sorted by name. Throws UsageError if two tasks have the same name.
[[nodiscard]] std::vector<NamedTask> const& named_tasks();

/// Registers a task. Called before main(), by static initializers in any order.
void add_named_task(NamedTask task);

/// Splits `input` into one text for each of the types. Throws UsageError if there are more or fewer texts than types.
[[nodiscard]] std::vector<std::string> split_arguments(std::string const& input, std::vector<std::string> const& types);
/// Throws a UsageError about argument number `index`, counted from 0, whose text is part of `input`.
[[noreturn]] void throw_unreadable_argument(std::size_t index, std::string const& text, std::string const& input,
                                            char const* why);

template <class R>
TextValue show_result(Future<R> const& future) {
  if constexpr (std::is_void_v<R>) {
    future.result();
    return {};
  } else {
    return TextCodec<R>::show(future.result());
  }
}

template <auto function, class... Gs>
NamedCall read_call(std::string const& input, std::vector<std::string> const& types, TypeList<Gs...> /*given*/) {
  using Arguments = std::tuple<wire_type<Gs>...>;
  static_assert((Readable<wire_type<Gs>> && ...),
                "an argument of this task is of a type that cannot be read from text");
  auto const texts = split_arguments(input, types);
  Arguments arguments;
  TextValue::List shown;
  std::size_t index = 0;
  auto const read = [&]<class T>(T& argument) {
    auto const& text = texts[index];
    try {
      auto value = read_text(text);
      if constexpr (std::is_same_v<T, std::string>) {
        if (!string_of(value)) value.value = text;
      }
      TextCodec<T>::read(value, argument);
    } catch (TextMismatch const& mismatch) {
      throw_unreadable_argument(index, text, input, mismatch.what());
    }
    shown.items.push_back(TextCodec<T>::show(argument));
    ++index;
  };
  std::apply([&](auto&... each) { (read(each), ...); }, arguments);
  NamedCall call;
  if (shown.items.size() == 1) {
    call.input = std::move(shown.items[0]);
  } else {
    call.input.value = std::move(shown);
  }
  call.submit = [arguments = std::move(arguments)](MPISpawnPool& pool, TaskOptions const& options) {
    auto future = std::apply([&](auto const&... each) { return pool.submit(options, function, each...); }, arguments);
    return NamedResult{.done = [future] { return future.done(); }, .get = [future] { return show_result(future); }};
  };
  return call;
}

template <class... Gs>
std::vector<std::string> type_names(TypeList<Gs...> /*given*/) {
  return {TextCodec<wire_type<Gs>>::name()...};
}

template <class R>
std::string result_name() {
  if constexpr (std::is_void_v<R>) {
    return "nothing";
  } else {
    return TextCodec<std::decay_t<R>>::name();
  }
}

template <auto function>
bool register_task(char const* name) {
  using Function = std::remove_const_t<decltype(function)>;
  using Parameters = parameters_of<Function>;
  using Given = given_parameters<Parameters>;
  auto types = type_names(Given{});
  add_named_task({.name = name,
                  .arguments = types,
                  .result = result_name<result_of<Function, Parameters>>(),
                  .read = [types](std::string const& input) { return read_call<function>(input, types, Given{}); }});
  return true;
}

}  // namespace farm::detail
