#include <farm/error.hpp>
#include <farm/map.hpp>

#include <variant>

namespace farm::detail {

void check_map_options(MapOptions const& options) {
  if (options.chunksize == 0) throw UsageError("chunksize is 0: a number above 0 is expected");
  if (options.timeout && options.timeout->count() < 0) throw UsageError("the timeout of map is negative");
}

Bytes const& chunk_result(FutureState& state, Deadline deadline) {
  state.wait_until(deadline);
  require_value(state);
  return std::get<Bytes>(state.result());
}

ChunkList::~ChunkList() {
  for (auto const& state : states_) {
    if (state) state->cancel();
  }
}

}  // namespace farm::detail
