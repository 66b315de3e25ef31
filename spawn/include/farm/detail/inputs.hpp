#pragma once

#include <farm/detail/signature.hpp>
#include <farm/options.hpp>

#include <cstddef>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>

/// The inputs of maps and batches, one after the other. A range that is an lvalue is referred to, any other is moved
/// in.
namespace farm::detail {

/// Of several ranges together, up to the end of the shortest. An iterator stands on its element until the next one is
/// asked for: nothing is taken ahead.
template <class... Ranges>
class ZippedInputs {
  static_assert(sizeof...(Ranges) > 0, "map needs at least one range of inputs");

 public:
  using Arguments = TypeList<std::decay_t<decltype(*std::begin(std::declval<Ranges&>()))>...>;

  explicit ZippedInputs(Ranges&&... ranges) : ZippedInputs(Indices{}, std::forward<Ranges>(ranges)...) {}
  ZippedInputs(ZippedInputs const&) = delete;
  ZippedInputs& operator=(ZippedInputs const&) = delete;
  ~ZippedInputs() = default;

  /// Calls use(arguments...) with the next input; false, and it is not called, at the end. Throws what an iterator
  /// throws; afterwards, as after the end, it may not be called again.
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

/// Of a range of tuples, or pairs, of all arguments.
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

template <class... Ts>
inline constexpr bool last_is_options = false;
template <class T>
inline constexpr bool last_is_options<T> = std::is_same_v<std::decay_t<T>, MapOptions>;
template <class T, class U, class... Ts>
inline constexpr bool last_is_options<T, U, Ts...> = last_is_options<U, Ts...>;

/// Calls use(options, ranges...) for the arguments of a map: ranges, and MapOptions as the last of them or not at all.
template <class Use, class... RangesAndOptions>
decltype(auto) with_options(Use const& use, RangesAndOptions&&... all) {
  if constexpr (last_is_options<RangesAndOptions...>) {
    auto forwarded = std::forward_as_tuple(std::forward<RangesAndOptions>(all)...);
    return [&]<std::size_t... Is>(std::index_sequence<Is...>)->decltype(auto) {
      // NOLINTNEXTLINE(bugprone-use-after-move): of a tuple of references, each is taken once
      return use(MapOptions(std::get<sizeof...(Is)>(forwarded)), std::get<Is>(std::move(forwarded))...);
    }
    (std::make_index_sequence<sizeof...(all) - 1>{});
  } else {
    return use(MapOptions{}, std::forward<RangesAndOptions>(all)...);
  }
}

}  // namespace farm::detail
