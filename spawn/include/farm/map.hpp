#pragma once

#include <farm/call.hpp>
#include <farm/deadline.hpp>
#include <farm/engine.hpp>
#include <farm/future.hpp>
#include <farm/options.hpp>
#include <farm/submit.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// map and starmap of the pools: blocking, results in order.
namespace farm::detail {

void check_map_options(MapOptions const& options);

/// Waits for the state of a chunk. Throws its error, or TimeoutError at the deadline.
[[nodiscard]] Bytes const& chunk_result(FutureState& state, Deadline deadline);

/// Cancels what has not started, when a map is left early.
class ChunkList {
 public:
  ChunkList() = default;
  ChunkList(ChunkList const&) = delete;
  ChunkList& operator=(ChunkList const&) = delete;
  ~ChunkList();
  void add(StatePtr state) { states_.push_back(std::move(state)); }
  [[nodiscard]] std::size_t size() const { return states_.size(); }
  [[nodiscard]] FutureState& operator[](std::size_t i) { return *states_[i]; }
  void forget(std::size_t i) { states_[i] = nullptr; }

 private:
  std::vector<StatePtr> states_;
};

/// `next()` gives a pointer to a tuple of arguments, null at the end of the inputs.
template <class F, class... As, class Next>
auto map_tuples(Engine& engine, F const& f, std::tuple<As...>* /*types*/, Next next, MapOptions const& options) {
  using One = Call<F, As...>;
  using R = std::decay_t<typename One::Result>;
  check_map_options(options);
  auto const deadline = options.timeout ? deadline_after(*options.timeout) : never;
  TaskOptions const task_options{.priority = options.priority};
  ChunkList chunks;
  std::size_t inputs = 0;
  for (auto* input = next(); input != nullptr;) {
    Bytes call;
    One::begin_chunk(call, f);
    for (std::size_t i = 0; i < options.chunksize && input != nullptr; ++i, ++inputs, input = next()) {
      std::apply([&](auto const&... arguments) { One::add_to_chunk(call, arguments...); }, *input);
    }
    chunks.add(engine.submit(One::chunk_address(), std::move(call), task_options, false));
  }
  auto const report = [&](std::size_t done) {
    if (options.progress) options.progress({done, inputs});
  };
  report(0);
  std::conditional_t<std::is_void_v<R>, std::nullptr_t, std::vector<std::conditional_t<std::is_void_v<R>, char, R>>>
      results{};
  if constexpr (!std::is_void_v<R>) results.reserve(inputs);
  std::size_t done = 0;
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto const& bytes = chunk_result(chunks[i], deadline);
    if constexpr (!std::is_void_v<R>) {
      for (std::string_view rest{bytes}; !rest.empty();) {
        UnpackArchive archive{rest.substr(1)};  // after the mark
        R value{};
        archive(value);
        results.push_back(std::move(value));
        rest = archive.rest();
      }
    }
    chunks.forget(i);
    done = std::min(inputs, done + options.chunksize);
    report(done);
  }
  if constexpr (!std::is_void_v<R>) return results;
}

template <class... Ts>
std::tuple<Ts...> as_tuple(std::tuple<Ts...> const& tuple) {
  return tuple;
}
template <class A, class B>
std::tuple<A, B> as_tuple(std::pair<A, B> const& pair) {
  return pair;
}

template <class F, class Range>
auto starmap(Engine& engine, F const& f, Range&& inputs, MapOptions const& options) {
  using std::begin;
  using std::end;
  auto it = begin(inputs);
  auto const last = end(inputs);
  using Tuple = decltype(as_tuple(*it));
  std::optional<Tuple> current;
  auto const next = [&]() -> Tuple const* {
    if (it == last) return nullptr;
    current.emplace(as_tuple(*it));
    ++it;
    return &*current;
  };
  return map_tuples(engine, f, static_cast<Tuple*>(nullptr), next, options);
}

template <class... Ranges>
class Zip {
 public:
  using Tuple = std::tuple<std::decay_t<decltype(*std::begin(std::declval<Ranges&>()))>...>;
  explicit Zip(Ranges&... ranges) : its_(std::begin(ranges)...), ends_(std::end(ranges)...) {}

  Tuple const* next() { return next(std::index_sequence_for<Ranges...>{}); }

 private:
  template <std::size_t... Is>
  Tuple const* next(std::index_sequence<Is...> /*indices*/) {
    if (((std::get<Is>(its_) == std::get<Is>(ends_)) || ...)) return nullptr;
    current_.emplace(*std::get<Is>(its_)...);
    (++std::get<Is>(its_), ...);
    return &*current_;
  }

  std::tuple<decltype(std::begin(std::declval<Ranges&>()))...> its_;
  std::tuple<decltype(std::end(std::declval<Ranges&>()))...> ends_;
  std::optional<Tuple> current_;
};

template <class F, class... Ranges>
auto map_zipped(Engine& engine, F const& f, MapOptions const& options, Ranges&... ranges) {
  Zip<Ranges...> zip{ranges...};
  using Tuple = typename Zip<Ranges...>::Tuple;
  return map_tuples(
      engine, f, static_cast<Tuple*>(nullptr), [&] { return zip.next(); }, options);
}

template <class... Ts>
inline constexpr bool last_is_options = false;
template <class T>
inline constexpr bool last_is_options<T> = std::is_same_v<std::decay_t<T>, MapOptions>;
template <class T, class U, class... Ts>
inline constexpr bool last_is_options<T, U, Ts...> = last_is_options<U, Ts...>;

template <class F, class... RangesAndOptions>
auto map(Engine& engine, F const& f, RangesAndOptions&&... all) {
  static_assert(sizeof...(all) > 0, "map needs at least one range of inputs");
  if constexpr (last_is_options<RangesAndOptions...>) {
    return [&]<std::size_t... Is>(std::index_sequence<Is...>, auto references) {
      return map_zipped(engine, f, std::get<sizeof...(Is)>(references), std::get<Is>(references)...);
    }
    (std::make_index_sequence<sizeof...(all) - 1>{}, std::tie(all...));
  } else {
    return map_zipped(engine, f, MapOptions{}, all...);
  }
}

}  // namespace farm::detail
