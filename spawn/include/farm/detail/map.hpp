#pragma once

#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/call_check.hpp>
#include <farm/detail/inputs.hpp>
#include <farm/detail/map_run.hpp>
#include <farm/mapped_range.hpp>

#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

/// map and starmap of an engine, which all executors and pools use.
namespace farm::detail {

/// Makes ranges and takes them apart. Only the farm calls this, so that those members of MappedRange can be private.
class MapAccess {
 public:
  template <class R>
  static MappedRange<R> make(std::unique_ptr<MapRun> run) {
    return MappedRange<R>{std::move(run)};
  }

  /// Returns the chunks that are left. The range no longer cancels them.
  template <class R>
  static std::vector<StatePtr> release(MappedRange<R> range) {
    return range.run_->release();
  }
};

template <class F, class Arguments>
struct CallForInputs;
template <class F, class... As>
struct CallForInputs<F, TypeList<As...>> {
  using type = Call<F, As...>;
};

/// Packs the calls of one function for all its inputs, chunk by chunk.
template <class F, class Inputs>
class PackedInputs final : public ChunkSource {
 public:
  using Called = typename CallForInputs<F, typename Inputs::Arguments>::type;
  using Result = typename Called::Value;

  template <class... Ranges>
  explicit PackedInputs(F const& f, Ranges&&... ranges)
      : function_(Called::pack_function(f)), inputs_(std::forward<Ranges>(ranges)...) {}

  PackedChunk take(std::int64_t first, std::int64_t limit, bool in_parts) override {
    PackedChunk chunk{.call = {.bytes = function_}};
    Called::begin_chunk(chunk.call.bytes, static_cast<std::uint64_t>(first));
    chunk.head = chunk.call.bytes.size();
    try {
      while (chunk.inputs < limit && !chunk.not_packed && !chunk.ended) add_next(chunk, first, in_parts);
    } catch (...) {
      chunk.broken = std::current_exception();
    }
    return chunk;
  }

 private:
  void add_next(PackedChunk& chunk, std::int64_t first, bool in_parts) {
    auto const size = chunk.call.bytes.size();
    chunk.ended = !inputs_.take([&](auto const&... arguments) {
      try {
        if (in_parts) {
          Called::add_part_to_chunk(chunk.call.bytes, chunk.call.keepers, arguments...);
        } else {
          Called::add_to_chunk(chunk.call.bytes, chunk.call.keepers, arguments...);
        }
        ++chunk.inputs;
      } catch (...) {
        chunk.call.bytes.resize(size);
        chunk.not_packed = packing_failure(first + chunk.inputs);
      }
    });
  }

  Bytes function_;
  Inputs inputs_;
};

template <class Inputs, class F, class Options, class... Ranges>
auto start_map(std::shared_ptr<Engine> engine, F const& f, Options options, Ranges&&... ranges) {
  constexpr bool collects = std::is_same_v<Options, CollectErrors>;
  using Source = PackedInputs<std::decay_t<F const>, Inputs>;
  using Called = typename Source::Called;
  using Result = typename Source::Result;
  check_map_options(options_of(options));
  MapCode code{.chunk = Called::chunk_address()};
  if constexpr (collects) code.collecting = Called::collecting_chunk_address();
  auto source = std::make_unique<Source>(f, std::forward<Ranges>(ranges)...);
  auto run = std::make_unique<MapRun>(std::move(engine), code, std::move(source), std::move(options_of(options)));
  run->begin();
  return MapAccess::make<std::conditional_t<collects, Outcome<Result>, Result>>(std::move(run));
}

/// Starts a map of f over the elements of all ranges, and returns its MappedRange. MapOptions or CollectErrors may be
/// the last argument.
template <class F, class... RangesAndOptions>
auto map(std::shared_ptr<Engine> engine, F const& f, RangesAndOptions&&... all) {
  if constexpr (check_map<std::decay_t<F const>, std::decay_t<RangesAndOptions>...>()) {
    return with_options(
        [&]<class Options, class... Ranges>(Options options, Ranges&&... ranges) {
          return start_map<ZippedInputs<Ranges...>>(std::move(engine), f, std::move(options),
                                                    std::forward<Ranges>(ranges)...);
        },
        std::forward<RangesAndOptions>(all)...);
  } else {
    return MapAccess::make<int>(nullptr);
  }
}

/// Starts a map of f over a range of tuples, each of which holds all arguments of a call; returns its MappedRange.
template <class F, class Range, class Options>
auto starmap(std::shared_ptr<Engine> engine, F const& f, Range&& inputs, Options const& options) {
  if constexpr (check_starmap<std::decay_t<F const>, std::remove_reference_t<Range>>()) {
    return start_map<TupleInputs<Range>>(std::move(engine), f, options, std::forward<Range>(inputs));
  } else {
    return MapAccess::make<int>(nullptr);
  }
}

}  // namespace farm::detail
