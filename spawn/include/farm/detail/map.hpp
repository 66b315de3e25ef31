#pragma once

#include <farm/detail/array_transport.hpp>
#include <farm/detail/call.hpp>
#include <farm/detail/inputs.hpp>
#include <farm/detail/map_run.hpp>
#include <farm/mapped_range.hpp>

#include <memory>
#include <type_traits>
#include <utility>

/// map and starmap, over an engine.
namespace farm::detail {

template <class F, class Arguments>
struct CallForInputs;
template <class F, class... As>
struct CallForInputs<F, TypeList<As...>> {
  using type = Call<F, As...>;
};

/// The calls of one function for all its inputs.
template <class F, class Inputs>
class PackedInputs final : public ChunkSource {
 public:
  using Called = typename CallForInputs<F, typename Inputs::Arguments>::type;
  using Result = typename Called::Value;

  template <class... Ranges>
  explicit PackedInputs(F const& f, Ranges&&... ranges)
      : function_(Called::pack_function(f)), inputs_(std::forward<Ranges>(ranges)...) {}

  PackedChunk take(std::int64_t first, std::int64_t limit) override {
    PackedChunk chunk{.call = {.bytes = function_}};
    Called::begin_chunk(chunk.call.bytes, static_cast<std::uint64_t>(first));
    try {
      while (chunk.inputs < limit && !chunk.not_packed && !chunk.ended) add_next(chunk, first);
    } catch (...) {
      chunk.broken = std::current_exception();
    }
    return chunk;
  }

 private:
  void add_next(PackedChunk& chunk, std::int64_t first) {
    auto const size = chunk.call.bytes.size();
    chunk.ended = !inputs_.take([&](auto const&... arguments) {
      try {
        Called::add_to_chunk(chunk.call.bytes, chunk.call.keepers, arguments...);
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

template <class Inputs, class F, class... Ranges>
auto start_map(std::shared_ptr<Engine> engine, F const& f, MapOptions options, Ranges&&... ranges) {
  using Source = PackedInputs<std::decay_t<F const>, Inputs>;
  check_map_options(options);
  auto source = std::make_unique<Source>(f, std::forward<Ranges>(ranges)...);
  auto run = std::make_unique<MapRun>(std::move(engine), Source::Called::chunk_address(), std::move(source),
                                      std::move(options));
  run->begin();
  return MappedRange<typename Source::Result>{std::move(run)};
}

/// map(engine, f, range...[, MapOptions]), as a lazy range.
template <class F, class... RangesAndOptions>
auto map(std::shared_ptr<Engine> engine, F const& f, RangesAndOptions&&... all) {
  return with_options(
      [&]<class... Ranges>(MapOptions options, Ranges&&... ranges) {
        return start_map<ZippedInputs<Ranges...>>(std::move(engine), f, std::move(options),
                                                  std::forward<Ranges>(ranges)...);
      },
      std::forward<RangesAndOptions>(all)...);
}

template <class F, class Range>
auto starmap(std::shared_ptr<Engine> engine, F const& f, Range&& inputs, MapOptions const& options) {
  return start_map<TupleInputs<Range>>(std::move(engine), f, options, std::forward<Range>(inputs));
}

}  // namespace farm::detail
