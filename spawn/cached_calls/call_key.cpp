#include "spawn/cached_calls/call_key.hpp"

#include "spawn/cache/array_digest.hpp"
#include "spawn/cache/result_entry.hpp"
#include "spawn/cached_calls/function_identity.hpp"

#include <farm/detail/array_info.hpp>

#include <bit>
#include <cstdint>
#include <map>
#include <string>

namespace farm::detail {
namespace {

/// Changes when keys are made of something else than before.
constexpr std::uint64_t key_format = 1;

#if defined(__x86_64__)
constexpr std::string_view processor = "x86_64";
#elif defined(__aarch64__)
constexpr std::string_view processor = "aarch64";
#else
constexpr std::string_view processor = "other";
#endif

std::string_view text_of(CacheKey const& key) {
  return {reinterpret_cast<char const*>(key.bytes.data()), key.bytes.size()};
}

/// Values are packed as this machine represents them.
void add_machine(KeyHash& hash) {
  hash.add(key_format).add(std::uint64_t{entry_format}).add(processor);
  hash.add(std::uint64_t{std::endian::native == std::endian::little}).add(sizeof(long)).add(sizeof(long double));
}

void add_variables(KeyHash& hash, std::map<std::string, std::string> const& variables) {
  for (auto const& [name, value] : variables) {
    if (!name.starts_with("FARM_")) hash.add(name).add(value);
  }
  hash.add("end");
}

void add_array(KeyHash& hash, ArrayInfo const& info) {
  auto const digest = digest_of(info);
  hash.add("array").add(static_cast<std::uint64_t>(info.type)).add(std::uint64_t{info.extents.size()});
  for (auto const extent : info.extents) hash.add(extent);
  hash.add(digest.low).add(digest.high);
}

}  // namespace

void add_function(KeyHash& hash, CacheKey const& function, CallNotes const& notes, std::string_view bytes) {
  hash.add(text_of(function));
  if (notes.address == nullptr) add_arguments(hash, notes, bytes, 0, notes.function_bytes);
}

void add_arguments(KeyHash& hash, CallNotes const& notes, std::string_view bytes, std::size_t begin, std::size_t end) {
  for (auto const& range : notes.handles) {
    if (range.begin < begin || range.end > end) continue;
    auto const info = unpack<ArrayInfo>(bytes.substr(range.begin, range.end - range.begin));
    if (info.extents.empty()) continue;
    hash.add(bytes.substr(begin, range.begin - begin));
    add_array(hash, info);
    begin = range.end;
  }
  hash.add(bytes.substr(begin, end - begin));
}

CacheKey key_of_pool(WorkerOptions const& workers, Initializer const& initializer) {
  KeyHash hash;
  add_machine(hash);
  add_variables(hash, workers.environment);
  hash.add(workers.working_directory);
  if (initializer) {
    std::string_view const call = initializer.call();
    hash.add("initializer");
    if (auto const* const notes = initializer.notes()) {
      add_function(hash, identity_of(*notes, call.substr(0, notes->function_bytes)).key, *notes, call);
      add_arguments(hash, *notes, call, notes->function_bytes, call.size());
    } else {
      hash.add(initializer.code().module).add(initializer.code().offset).add(call);
    }
  }
  return hash.take();
}

CacheKey key_of_settings(TaskOptions const& options) {
  KeyHash hash;
  add_variables(hash, options.environment);
  return hash.add(options.directory).take();
}

}  // namespace farm::detail
