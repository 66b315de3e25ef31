#pragma once

#include <farm/detail/chunk_results.hpp>
#include <farm/detail/future_chain.hpp>
#include <farm/future.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>
#include <vector>

namespace farm::detail {

/// The state of a future that holds all results of a map, in the order of the inputs. The first chunk that fails ends
/// the future with its error and cancels the other chunks. farm::collect() does the same for futures of single values;
/// here each part is a chunk that holds several packed results.
/// A map that collects errors only waits for its chunks, each of which has one input.
template <class R>
class GatheredMap final : public FutureState {
 public:
  using Value = typename std::conditional_t<std::is_void_v<R>, std::type_identity<void>,
                                            std::type_identity<std::vector<R>>>::type;

  explicit GatheredMap(std::vector<StatePtr> chunks) : chunks_(std::move(chunks)), missing_(chunks_.size()) {}

  static Future<Value> make(std::vector<StatePtr> chunks) {
    auto state = make_intrusive<GatheredMap>(chunks);
    if (chunks.empty()) state->gather();
    for (auto const& chunk : chunks) {
      chunk->add_callback([state](FutureState& done) { state->chunk_done(done); });
    }
    return Future<Value>::local(state);
  }

  void append_sources(std::vector<StatePtr>& sources) const override {
    sources.insert(sources.end(), chunks_.begin(), chunks_.end());
  }

 protected:
  void cancelled() noexcept override { cancel_chunks(); }

 private:
  static constexpr bool collects = is_outcome<R>;

  void chunk_done(FutureState& chunk) {
    if (collects || chunk.status() == Status::value) {
      if (missing_.fetch_sub(1, std::memory_order_acq_rel) == 1) gather();
    } else if (end_as(chunk)) {
      cancel_chunks();
    }
  }

  bool end_as(FutureState& chunk) {
    if (chunk.status() == Status::cancelled) return set_cancelled();
    return set_error(std::get<std::exception_ptr>(chunk.result()));
  }

  void gather() {
    if (!set_running()) return;
    try {
      auto const chunks = take_chunks();
      if constexpr (std::is_void_v<R>) {
        set_value(nullptr);
      } else {
        auto values = std::make_shared<Value>();
        for (auto const& chunk : chunks) {
          for (ChunkResults<R> results{ChunkState{chunk, 1}}; !results.empty();) values->push_back(results.next());
        }
        set_value(std::move(values));
      }
    } catch (...) {
      set_error(std::current_exception());
    }
  }

  void cancel_chunks() {
    for (auto const& chunk : take_chunks()) chunk->cancel();
  }

  /// Lets go of the chunks. Until then, the chunks own this state by their callbacks, and this state owns the chunks.
  std::vector<StatePtr> take_chunks() {
    std::lock_guard lock{graph_mutex()};
    return std::exchange(chunks_, {});
  }

  std::vector<StatePtr> chunks_;  // guarded by graph_mutex()
  std::atomic<std::size_t> missing_;
};

}  // namespace farm::detail
