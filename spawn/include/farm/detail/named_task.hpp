#pragma once

#include <farm/array.hpp>
#include <farm/detail/array_codec.hpp>
#include <farm/detail/chunk_results.hpp>
#include <farm/detail/future_state.hpp>
#include <farm/detail/result_transport.hpp>
#include <farm/detail/signature.hpp>
#include <farm/detail/struct_codec.hpp>
#include <farm/detail/submit.hpp>
#include <farm/detail/text_codec.hpp>
#include <farm/detail/text_value.hpp>
#include <farm/element.hpp>
#include <farm/mpi_spawn_pool.hpp>
#include <farm/outcome.hpp>
#include <farm/publish.hpp>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Functions that are called by name, with arguments and results as text.
namespace farm::detail {

/// How a task has run.
struct RunInfo {
  std::uint32_t attempts = 0;  ///< how often the task has started; 0 if it was never sent to a group
  double seconds = 0;          ///< how long the last attempt ran
  std::uint64_t task = 0;      ///< its number within its pool
};
/// Returns how a task that is done has run.
[[nodiscard]] RunInfo run_info(FutureState const& state);

/// The pool that runs named tasks. It gives access to its engine, for chunks of calls.
class NamedTaskPool : public MPISpawnPool {
 public:
  using EngineOwner::engine;
  using MPISpawnPool::MPISpawnPool;
};

/// What the call of one input has become.
struct ShownResult {
  TextValue value{};              ///< null for void
  std::shared_ptr<void> array{};  ///< the result itself, if NamedTask::gather can gather it and was asked for
  std::exception_ptr error{};     ///< null if there is a value
};

/// A call of a named task whose arguments have been read. It is not submitted yet.
struct NamedCall {
  TextValue input;  ///< the argument; a list of several arguments; or an object, if the parameters have names
  std::function<StatePtr(NamedTaskPool&, TaskOptions const&)> submit;
  /// Appends the call to a chunk.
  std::function<void(PackedCall& chunk)> add_to_chunk;
  std::string command{};  ///< what `run --dry-run` prints; empty for a function
};

/// The arguments of one call as text.
struct ArgumentTexts {
  std::string input{};               ///< all of them as they were written, for errors
  std::vector<std::string> texts{};  ///< one for each parameter
};

/// A task that FARM_TASK registered.
struct NamedTask {
  std::string name;
  std::vector<std::string> names;  ///< the names of the parameters; empty if FARM_TASK was given none
  /// Names the types: the first call of named_tasks() does, and not a static initializer, since it may serialize values
  /// of the user's types.
  void (*name_types)(NamedTask& task);
  std::vector<std::string> arguments{};  ///< the names of the types of the arguments that the caller gives
  std::string result{};                  ///< the name of its type; "nothing" for void

  /// Shows the results of a task that is done: of one call, or of all calls of a chunk. With `keeps_arrays`, those that
  /// `gather` takes are kept. Does not throw; errors are in the results.
  std::vector<ShownResult> (*show)(ChunkState const& done, bool keeps_arrays);
  /// Returns a chunk without calls.
  PackedCall (*begin_chunk)();
  CodeAddress (*chunk_code)();
  /// Copies the results, all of them arrays of the same extents, into one dataset, in order. Null if the results are
  /// not arrays. Throws as farm::gather() does.
  void (*gather)(std::vector<std::shared_ptr<void>> const& arrays, std::string const& file, std::string const& dataset);

  /// Reads the arguments of one call. Strings may stand without quotes. Throws a UsageError that names the argument,
  /// its text and the expected type.
  std::function<NamedCall(ArgumentTexts const& arguments)> read;

  /// Returns the name with the types: "calc(int) -> (int, int, int)", or "heat(double alpha, int n) -> double".
  [[nodiscard]] std::string signature() const;
  /// Returns the signature in JSON.
  [[nodiscard]] TextValue::Members description() const;
  /// Returns the types and names of the parameters: "double alpha, int n".
  [[nodiscard]] std::string parameters() const;
};

/// Returns all registered tasks, sorted by name. Throws UsageError if two tasks have the same name.
[[nodiscard]] std::vector<NamedTask> const& named_tasks();

/// Registers a task. Called before main(), by static initializers in any order.
void add_named_task(NamedTask task);

/// Splits at the commas that are inside neither brackets nor quotes.
[[nodiscard]] std::vector<std::string> split_at_commas(std::string_view text);

/// Splits the text of one call into the texts of its arguments: a JSON value for a task of one parameter; else several
/// values separated by commas, a JSON list of them, or an object if the parameters have names. Throws UsageError if
/// there are more or fewer arguments than parameters.
[[nodiscard]] ArgumentTexts split_arguments(NamedTask const& task, std::string const& input);
/// Throws a UsageError about argument number `index`, counted from 0.
[[noreturn]] void throw_unreadable_argument(std::vector<std::string> const& names, std::size_t index,
                                            ArgumentTexts const& arguments, char const* why);

/// Returns the arguments of a call as one value: the only one, a list, or an object with the names of the parameters.
[[nodiscard]] TextValue as_input(std::vector<std::string> const& names, TextValue::List&& values);

/// The array that a result of type R can be gathered as; void if there is none.
template <class R>
struct GatheredAs {
  using type = void;
};
template <class T>
struct GatheredAs<Array<T>> {
  using type = Array<T>;
};
template <Element T>
struct GatheredAs<std::vector<T>> {
  using type = Array<T>;
};

/// Shows and gathers results of type R, which may be void.
template <class R>
struct ResultFunctions {
  using Gathered = typename GatheredAs<R>::type;

  static std::string name() {
    if constexpr (std::is_void_v<R>) {
      return "nothing";
    } else {
      return TextCodec<R>::name();
    }
  }

  static std::vector<ShownResult> show(ChunkState const& done, bool keeps_arrays) {
    std::vector<ShownResult> results;
    if (!done.in_parts) {
      results.push_back(shown([&] { return show_value(Future<R>{done.state}, keeps_arrays); }));
      return results;
    }
    ChunkResults<Outcome<R>> outcomes{done};
    while (!outcomes.empty()) {
      results.push_back(shown([&] { return show_value(outcomes.next(), keeps_arrays); }));
    }
    return results;
  }

  static void gather(std::vector<std::shared_ptr<void>> const& arrays, std::string const& file,
                     std::string const& dataset) {
    if constexpr (!std::is_void_v<Gathered>) {
      std::vector<Gathered> parts;
      parts.reserve(arrays.size());
      for (auto const& each : arrays) parts.push_back(*std::static_pointer_cast<Gathered>(each));
      farm::gather(parts, file, dataset);
    }
  }

 private:
  template <class Show>
  static ShownResult shown(Show const& show) {
    try {
      return show();
    } catch (...) {
      return {.error = std::current_exception()};
    }
  }

  /// `holder` is a future or an outcome.
  template <class Holder>
  static ShownResult show_value(Holder&& holder, [[maybe_unused]] bool keeps_arrays) {
    if constexpr (std::is_void_v<R>) {
      value_of(holder);
      return {};
    } else {
      R const& value = value_of(holder);
      ShownResult result{.value = TextCodec<R>::show(value)};
      if constexpr (!std::is_void_v<Gathered>) {
        if (keeps_arrays) result.array = std::make_shared<Gathered>(value);
      }
      return result;
    }
  }
  static decltype(auto) value_of(Future<R> const& future) { return future.result(); }
  static decltype(auto) value_of(Outcome<R>& outcome) { return outcome.value(); }
};

/// What is registered of one function.
template <auto function, class... Gs>
struct NamedFunction {
  using Arguments = std::tuple<wire_type<Gs>...>;
  using Called = typename submitted_call<decltype(function), wire_type<Gs>...>::Called;
  using Result = ResultFunctions<typename Called::Value>;
  static_assert((Readable<wire_type<Gs>> && ...),
                "an argument of this task is of a type that cannot be read from text");

  static void name_types(NamedTask& task) {
    task.arguments = {TextCodec<wire_type<Gs>>::name()...};
    task.result = Result::name();
  }

  static PackedCall begin_chunk() {
    PackedCall chunk{.bytes = Called::pack_function(function)};
    chunk.listens = Called::listens;
    Called::begin_chunk(chunk.bytes, 0);
    return chunk;
  }

  static NamedCall read(ArgumentTexts const& given, std::vector<std::string> const& names) {
    auto const arguments = std::make_shared<Arguments>();
    TextValue::List shown;
    std::size_t index = 0;
    auto const read = [&]<class T>(T& argument) {
      auto const& text = given.texts[index];
      try {
        auto value = read_text(text);
        if constexpr (std::is_same_v<T, std::string> || Path<T>) {
          if (!string_of(value)) value.value = text;
        }
        TextCodec<T>::read(value, argument);
      } catch (TextMismatch const& mismatch) {
        throw_unreadable_argument(names, index, given, mismatch.what());
      }
      shown.items.push_back(TextCodec<T>::show(argument));
      ++index;
    };
    std::apply([&](auto&... each) { (read(each), ...); }, *arguments);
    NamedCall call;
    call.input = as_input(names, std::move(shown));
    call.submit = [arguments](NamedTaskPool& pool, TaskOptions const& options) {
      return std::apply([&](auto const&... each) { return pool.submit(options, function, each...).state(); },
                        *arguments);
    };
    call.add_to_chunk = [arguments](PackedCall& chunk) {
      std::apply([&](auto const&... each) { Called::add_part_to_chunk(chunk.bytes, chunk.keepers, each...); },
                 *arguments);
    };
    return call;
  }
};

template <auto function, class... Gs, class... Names>
void add_named_function(TypeList<Gs...> /*given*/, char const* name, Names... names) {
  static_assert(sizeof...(Names) == 0 || sizeof...(Names) == sizeof...(Gs),
                "FARM_TASK needs a name for each parameter that the caller gives, or no names");
  using Function = NamedFunction<function, Gs...>;
  using Result = typename Function::Result;
  std::vector<std::string> const list{names...};
  add_named_task({.name = name,
                  .names = list,
                  .name_types = &Function::name_types,
                  .show = &Result::show,
                  .begin_chunk = &Function::begin_chunk,
                  .chunk_code = &Function::Called::collecting_chunk_address,
                  .gather = std::is_void_v<typename Result::Gathered> ? nullptr : &Result::gather,
                  .read = [list](ArgumentTexts const& given) { return Function::read(given, list); }});
}

template <auto function, class... Names>
bool register_task(char const* name, Names... names) {
  using Function = std::remove_const_t<decltype(function)>;
  add_named_function<function>(given_parameters<parameters_of<Function>>{}, name, names...);
  return true;
}

}  // namespace farm::detail
