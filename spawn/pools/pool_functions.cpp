#include <farm/detail/pool_functions.hpp>
#include <farm/error.hpp>

namespace farm::detail {

void check_async_options(MapOptions const& options) {
  if (options.timeout) throw UsageError("map_async takes no timeout: pass it to AsyncResult::get() instead");
  if (options.unordered || options.buffersize != 0) {
    throw UsageError("map_async takes neither unordered nor buffersize: use imap_unordered or imap instead");
  }
  if (options.progress) throw UsageError("map_async reports no progress: use map or imap instead");
}

void PoolFunctions::terminate() {
  engine().terminate();
  set_closed();
}

void PoolFunctions::join() {
  auto& used = engine();
  if (!closed())
    throw UsageError(
        "join() was called before close() or terminate(), and would block for ever: call one of them first");
  used.shutdown(true, false);
}

}  // namespace farm::detail
