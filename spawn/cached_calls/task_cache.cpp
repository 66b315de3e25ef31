#include "spawn/cached_calls/task_cache.hpp"

#include "spawn/cached_calls/call_key.hpp"
#include "spawn/cached_calls/chunk_bytes.hpp"
#include "spawn/cached_calls/function_identity.hpp"

#include <farm/detail/call.hpp>
#include <farm/detail/log.hpp>
#include <farm/error.hpp>
#include <farm/stage_run.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <exception>
#include <iterator>
#include <utility>
#include <variant>
#include <vector>

namespace farm::detail {
namespace {

/// Entries of tasks that have run for so long are synced to the disk, which takes some milliseconds.
constexpr double long_seconds = 1;

std::string_view text_of(CacheKey const& key) {
  return {reinterpret_cast<char const*>(key.bytes.data()), key.bytes.size()};
}

/// Returns whether the value names a file of this run's stage otherwise than by handles. The file goes with the run.
bool names_staged_file(std::string_view value, std::vector<HandleRange> const& handles) {
  auto const* const run = current_stage_run();
  if (run == nullptr) return false;
  auto const directory = run->directory().string();
  for (auto at = value.find(directory); at != std::string_view::npos; at = value.find(directory, at + 1)) {
    bool const is_in_handle = std::any_of(
        handles.begin(), handles.end(), [&](HandleRange const& range) { return range.begin <= at && at < range.end; });
    if (!is_in_handle) return true;
  }
  return false;
}

}  // namespace

/// A task that runs, and what is known about it.
struct TaskCache::Pending {
  CallNotes notes{};
  FunctionIdentity function{};
  std::int32_t ranks = 1;
  bool all_ranks = false;
  std::vector<CacheKey> keys{};  ///< one for each call
  std::vector<std::uint64_t> argument_bytes{};
  std::vector<std::optional<Bytes>> known{};  ///< the results that were found
  std::vector<Bytes> known_ranks{};           ///< the values of all ranks, if all are wanted and were found
  Keepers keepers{};                          ///< of arrays in known results
  std::size_t found = 0;
};

TaskCache::TaskCache(std::string const& directory, WorkerOptions const& workers, Initializer const& initializer,
                     Finish finish)
    : cache_(directory), pool_key_(key_of_pool(workers, initializer)), finish_(std::move(finish)) {}

std::shared_ptr<TaskCache::Pending> TaskCache::find_results(Task const& task, PackedCall const& call,
                                                            TaskOptions const& options) {
  auto const pending = std::make_shared<Pending>();
  std::string_view const bytes = call.bytes;
  pending->function = identity_of(*call.notes, bytes.substr(0, call.notes->function_bytes));
  pending->ranks = task.ranks;
  pending->all_ranks = task.all_ranks;
  KeyHash common_hash;
  common_hash.add(text_of(pool_key_)).add(text_of(key_of_settings(options)));
  common_hash.add(static_cast<std::uint64_t>(task.ranks)).add(std::uint64_t{task.all_ranks});
  add_function(common_hash, pending->function.key, *call.notes, bytes);
  auto const common = common_hash.take();
  for (auto const& range : arguments_of(*call.notes, bytes)) {
    KeyHash hash;
    hash.add(text_of(common));
    add_arguments(hash, *call.notes, bytes, range.begin, range.end);
    pending->keys.push_back(hash.take());
    pending->argument_bytes.push_back(range.end - range.begin);
    pending->known.emplace_back();
    auto found = cache_.find(pending->keys.back(), pending->function.name);
    if (!found || found->values.size() != (task.all_ranks ? static_cast<std::size_t>(task.ranks) : 1)) continue;
    ++pending->found;
    if (task.all_ranks) {
      pending->known_ranks = std::move(found->values);
    } else {
      pending->known.back() = std::move(found->values.front());
    }
    std::move(found->keepers.begin(), found->keepers.end(), std::back_inserter(pending->keepers));
  }
  return pending;
}

std::optional<FutureState::Result> TaskCache::look_up(Task& task, PackedCall& call, TaskOptions const& options) {
  if (!call.notes) return std::nullopt;
  std::shared_ptr<Pending> pending;
  try {
    pending = find_results(task, call, options);
  } catch (StageError const&) {
    return std::nullopt;  // an array cannot be read, which the task is to tell
  }
  results_found_ += pending->found;
  pending->notes = std::move(*call.notes);
  call.notes.reset();
  if (pending->found == pending->keys.size()) {
    ++tasks_found_;
    if (!pending->keepers.empty()) task.make_rare().outputs = std::move(pending->keepers);
    if (task.all_ranks) return std::move(pending->known_ranks);
    return value_of_known(pending->notes, pending->known);
  }
  for (std::size_t i = 0; i < pending->notes.inputs.size(); ++i)
    call.bytes[pending->notes.inputs[i]] = pending->known[i] ? hole_mark : chunk_mark;
  task.make_rare().takes_value = [this, pending](TaskPtr const& done, FutureState::Result value) {
    take(pending, done, std::move(value));
  };
  return std::nullopt;
}

/// On the hub's thread.
void TaskCache::take(std::shared_ptr<Pending> const& pending, TaskPtr const& task, FutureState::Result value) {
  thread_.post([this, pending, task, value = std::move(value)]() mutable {
    try {
      value = keep(*pending, *task, std::move(value));
    } catch (...) {
      value = std::current_exception();
    }
    finish_(task, std::move(value));
  });
}

/// Returns the value of the task's future.
FutureState::Result TaskCache::keep(Pending const& pending, Task& task, FutureState::Result value) {
  if (auto* const one = std::get_if<Bytes>(&value)) return keep_each(pending, task, std::move(*one));
  keep_ranks(pending, task, std::get<std::vector<Bytes>>(value));
  return value;
}

void TaskCache::keep_ranks(Pending const& pending, Task const& task, std::vector<Bytes> const& values) {
  std::vector<std::vector<HandleRange>> handles;
  for (auto const& value : values) {
    auto const result = std::move(results_of(pending.notes, value).front());
    if (!result.unfit.empty()) return report_not_kept(pending, result.unfit);
    handles.push_back(result.handles.ranges);
  }
  keep_one(pending, 0, values, handles, static_cast<double>(task.run_seconds));
}

/// Keeps the results of a call or a chunk, and returns the value with those that were known before.
Bytes TaskCache::keep_each(Pending const& pending, Task& task, Bytes value) {
  auto const results = results_of(pending.notes, value);
  auto& outputs = task.make_rare().outputs;
  auto const seconds = static_cast<double>(task.run_seconds) / static_cast<double>(results.size() - pending.found);
  for (std::size_t i = 0; i < results.size(); ++i) {
    auto const& [kind, whole, range, handles, unfit] = results[i];
    outputs.insert(outputs.end(), handles.keepers.begin(), handles.keepers.end());
    if (kind != CallResult::Kind::value) continue;
    if (unfit.empty()) {
      keep_one(pending, i, {Bytes{range.of(value)}}, {handles.ranges}, seconds);
    } else {
      report_not_kept(pending, unfit);
    }
  }
  outputs.insert(outputs.end(), pending.keepers.begin(), pending.keepers.end());
  return pending.found == 0 ? std::move(value) : with_holes_filled(pending.notes, value, results, pending.known);
}

void TaskCache::keep_one(Pending const& pending, std::size_t index, std::vector<Bytes> values,
                         std::vector<std::vector<HandleRange>> const& handles, double seconds) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (names_staged_file(values[i], handles[i]))
      return report_not_kept(pending, "it names a file of the stage, which is not there in the next run");
  }
  ResultEntry entry{.header = {.function = pending.function.name,
                               .version = pending.function.version,
                               .ranks = pending.ranks,
                               .all_ranks = pending.all_ranks,
                               .made = time(nullptr),
                               .seconds = seconds,
                               .argument_bytes = pending.argument_bytes[index]},
                    .values = std::move(values)};
  auto files = cache_.add(pending.keys[index], std::move(entry), handles);
  if (!files.empty() && seconds >= long_seconds)
    thread_.post_idle([files = std::move(files)] { ResultCache::sync(files); });
}

void TaskCache::report_not_kept(Pending const& pending, std::string_view why) {
  if (!is_reported_.exchange(true))
    log_error(fmt::format("the result of {} is not kept in the cache: {}", pending.function.name, why));
}

}  // namespace farm::detail
