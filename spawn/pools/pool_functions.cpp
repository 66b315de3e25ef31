#include <farm/detail/pool_functions.hpp>
#include <farm/error.hpp>

namespace farm::detail {

void check_async_options(MapOptions const& options) {
  if (options.timeout) throw UsageError("a map_async has no timeout: give it to get()");
  if (options.unordered || options.buffersize != 0) {
    throw UsageError("a map_async is neither unordered nor has it a buffersize: imap_unordered and imap are for that");
  }
  if (options.progress) throw UsageError("a map_async tells no progress: map and imap do");
}

void PoolFunctions::terminate() {
  engine().terminate();
  set_closed();
}

void PoolFunctions::join() {
  auto& used = engine();
  if (!closed()) throw UsageError("join() before close() or terminate() would be for ever");
  used.shutdown(true, false);
}

}  // namespace farm::detail
