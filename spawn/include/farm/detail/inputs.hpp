#pragma once

#include <farm/detail/signature.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

/// The inputs of maps and batches, one after the other. An lvalue range is held by reference, an rvalue range is moved
/// in.
namespace farm::detail {

/// Inputs made of one element of each range, up to the end of the shortest. An iterator is advanced only when the next
/// input is asked for, so no element is read ahead.
template <class... Ranges>
class ZippedInputs {
  static_assert(sizeof...(Ranges) > 0, "map needs at least one range of inputs");

 public:
  using Arguments = TypeList<std::decay_t<decltype(*std::begin(std::declval<Ranges&>()))>...>;

  explicit ZippedInputs(Ranges&&... ranges) : ZippedInputs(Indices{}, std::forward<Ranges>(ranges)...) {}
  ZippedInputs(ZippedInputs const&) = delete;
  ZippedInputs& operator=(ZippedInputs const&) = delete;
  ~ZippedInputs() = default;

  /// Calls use(arguments...) with the next input and returns true; returns false without calling it at the end. Throws
  /// what an iterator throws. Must not be called again after the end or after an exception.
  template <class Use>
  bool take(Use const& use) {
    return take(Indices{}, use);
  }

 private:
  using Indices = std::index_sequence_for<Ranges...>;

  template <std::size_t... Is>
  ZippedInputs(std::index_sequence<Is...> /*indices*/, Ranges&&... ranges)
      : ranges_(std::forward<Ranges>(ranges)...),
        its_(std::begin(std::get<Is>(ranges_))...),
        ends_(std::end(std::get<Is>(ranges_))...) {}

  template <std::size_t... Is, class Use>
  bool take(std::index_sequence<Is...> /*indices*/, Use const& use) {
    if (std::exchange(begun_, true)) (++std::get<Is>(its_), ...);
    if (((std::get<Is>(its_) == std::get<Is>(ends_)) || ...)) return false;
    use(*std::get<Is>(its_)...);
    return true;
  }

  std::tuple<Ranges...> ranges_;
  std::tuple<decltype(std::begin(std::declval<Ranges&>()))...> its_;
  std::tuple<decltype(std::end(std::declval<Ranges&>()))...> ends_;
  bool begun_ = false;
};

template <class Tuple, class Indices = std::make_index_sequence<std::tuple_size_v<Tuple>>>
struct ElementTypes;
template <class Tuple, std::size_t... Is>
struct ElementTypes<Tuple, std::index_sequence<Is...>> {
  using type = TypeList<std::decay_t<std::tuple_element_t<Is, Tuple>>...>;
};

/// Inputs made of the elements of one range: each is a tuple or a pair that holds all arguments of a call.
template <class Range>
class TupleInputs {
 public:
  using Arguments = typename ElementTypes<std::remove_cvref_t<decltype(*std::begin(std::declval<Range&>()))>>::type;

  explicit TupleInputs(Range&& range) : tuples_(std::forward<Range>(range)) {}

  template <class Use>
  bool take(Use const& use) {
    return tuples_.take([&](auto const& tuple) { std::apply(use, tuple); });
  }

 private:
  ZippedInputs<Range> tuples_;
};

/// Returns the options themselves, whether errors are collected or not.
inline MapOptions& options_of(MapOptions& options) { return options; }
inline MapOptions& options_of(CollectErrors& collect) { return collect.options; }

template <class... Ts>
inline constexpr bool last_is_options = false;
template <class T>
inline constexpr bool last_is_options<T> =
    std::is_same_v<std::decay_t<T>, MapOptions> || std::is_same_v<std::decay_t<T>, CollectErrors>;
template <class T, class U, class... Ts>
inline constexpr bool last_is_options<T, U, Ts...> = last_is_options<U, Ts...>;

/// Calls use(options, ranges...) with the arguments of a map, which are ranges and, optionally, MapOptions or
/// CollectErrors as the last.
template <class Use, class... RangesAndOptions>
decltype(auto) with_options(Use const& use, RangesAndOptions&&... all) {
  if constexpr (last_is_options<RangesAndOptions...>) {
    auto forwarded = std::forward_as_tuple(std::forward<RangesAndOptions>(all)...);
    return [&]<std::size_t... Is>(std::index_sequence<Is...>)->decltype(auto) {
      // NOLINTNEXTLINE(bugprone-use-after-move): this is a tuple of references, and each is used once
      return use(std::decay_t<decltype(std::get<sizeof...(Is)>(forwarded))>(std::get<sizeof...(Is)>(forwarded)),
                 std::get<Is>(std::move(forwarded))...);
    }
    (std::make_index_sequence<sizeof...(all) - 1>{});
  } else {
    return use(MapOptions{}, std::forward<RangesAndOptions>(all)...);
  }
}

}  // namespace farm::detail
