#include "core/base/settings.hpp"
#include "core/resources/memory_text.hpp"
#include "core/text/nearest_word.hpp"
#include "spawn/by_name/time_text.hpp"
#include "spawn/cache/cache_listing.hpp"
#include "spawn/program/cache/cache_report.hpp"
#include "spawn/program/command.hpp"
#include "spawn/program/output.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

namespace farm::detail {
namespace {

class CacheCommand final : public Command {
 public:
  explicit CacheCommand(CLI::App& app) {
    app.add_option("ACTION", action_, "list: one line for each result; info: their sum; clear: removes them")
        ->required()
        ->type_name("");
    app.add_option("DIR", directory_, "The directory of the cache (default: FARM_CACHE)")->type_name("");
    app.add_option_function<std::string>(
           "--older-than",
           [this](std::string const& text) {
             selection_.older_than = std::chrono::seconds{static_cast<std::int64_t>(read_time(text).value_or(0))};
           },
           "Only results that were computed longer ago: 90s, 10m, 1h30m, 30d")
        ->check(CLI::Validator{[](std::string const& text) {
                                 auto const time = read_time(text);
                                 bool const is_good = time && *time >= 0 && *time < 1e12;
                                 return is_good
                                            ? std::string{}
                                            : fmt::format("'{}' was given, a time is expected: 90s, 1h30m, 30d", text);
                               },
                               ""})
        ->type_name("TIME");
    app.add_option("--function", selection_.function, "Only results of this function")->type_name("NAME");
    app.add_option("--output-mode", mode_, "text, json (one object per line), or quiet (default: text)")
        ->type_name("MODE");
    app.footer(
        "Programs may use the cache meanwhile: what is cleared is computed again. clear without options also removes "
        "damaged results, and files that killed programs have left behind.");
  }

  int run(ProgramArguments /*arguments*/) override {
    std::vector<std::string> const actions{"list", "info", "clear"};
    std::vector<std::string> const modes{"text", "json", "quiet"};
    auto const is_among = [](std::vector<std::string> const& words, std::string const& word) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (!is_among(actions, action_)) throw TypingError(unknown_word("action", action_, actions));
    if (!is_among(modes, mode_)) throw TypingError(unknown_word("mode", mode_, modes));
    if (directory_.empty()) directory_ = setting(Setting::cache);
    if (directory_.empty())
      throw TypingError(fmt::format("DIR is required, since FARM_CACHE is not set: farm cache {} DIR", action_));
    auto const cache = CacheDirectory::open(directory_);
    if (action_ == "clear") return clear(cache);
    return action_ == "list" ? list(cache) : info(cache);
  }

 private:
  template <class Use>
  void for_each_meant(CacheDirectory const& cache, Use const& use) const {
    auto const now = std::int64_t{time(nullptr)};
    for_each_result(cache, [&](ListedResult const& result) {
      if (selection_.selects(result, now)) use(result);
    });
  }

  int list(CacheDirectory const& cache) const {
    std::vector<ListedResult> results;
    for_each_meant(cache, [&](ListedResult const& result) { results.push_back(result); });
    if (mode_ == "quiet") {
      for (auto const& result : results) print_out(result.file.key + '\n');
    } else {
      print_out(mode_ == "json" ? listing_json(results) : listing_text(results));
    }
    return 0;
  }

  int info(CacheDirectory const& cache) const {
    CacheTotals totals{.directory = cache.path().string()};
    for_each_meant(cache, [&](ListedResult const& result) { totals.add(result); });
    if (mode_ == "quiet") {
      print_out(fmt::format("{}\n", totals.all.results));
    } else {
      print_out(mode_ == "json" ? totals.json() : totals.text());
    }
    return 0;
  }

  int clear(CacheDirectory const& cache) const {
    auto const removed = remove_results(cache, selection_);
    if (mode_ == "json") {
      print_out(fmt::format("{{\"removed\":{},\"bytes\":{}}}\n", removed.results, removed.bytes));
    } else if (mode_ == "text") {
      print_out(fmt::format("{} removed, {}\n", counted_results(removed.results),
                            memory_text(static_cast<std::int64_t>(removed.bytes))));
    }
    return 0;
  }

  std::string action_;
  std::string directory_;
  std::string mode_ = "text";
  ResultSelection selection_{};
};

}  // namespace

CommandEntry make_cache_command(CLI::App& parent) {
  auto* const app = parent.add_subcommand("cache", "List or clear the results that a cache keeps");
  return {app, std::make_unique<CacheCommand>(*app)};
}

}  // namespace farm::detail
