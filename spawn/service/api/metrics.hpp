#pragma once

#include "spawn/service/api/routes.hpp"

#include <string>

namespace farm::detail {

/// Returns the server's numbers in Prometheus' text format, version 0.0.4. Blocks for a moment.
[[nodiscard]] std::string metrics_text(ApiContext& context);

}  // namespace farm::detail
