#pragma once

#include <farm/detail/text_value.hpp>

#include <exception>

namespace farm::detail {

/// Returns what programs need to know of a task's error: its type, its text, and the rank and host that threw. Rank and
/// host are null if no rank threw, for example if a rank was lost.
[[nodiscard]] TextValue::Members error_record(std::exception const& error);

}  // namespace farm::detail
