#pragma once

#include <farm/ranks.hpp>
#include <farm/worker_options.hpp>

#include <string>
#include <vector>

namespace farm::detail {

/// Returns one line for each setting that is set and has no effect, since groups come from `source` or since the
/// program itself has chosen `ranks`: what has no effect, why, and what to do. `source` is what choose_source() returns
/// for `ranks`.
[[nodiscard]] std::vector<std::string> ignored_settings(Source source, Ranks ranks);

}  // namespace farm::detail
