#pragma once

#include <farm/detail/text_value.hpp>

#include <exception>

namespace farm::detail {

/// Returns type, text, rank and host of an error: what JSON shows of it. Rank and host are null if no rank threw, for
/// example if a rank was lost. The error of a program has status, signal and peak_memory, too.
[[nodiscard]] TextValue::Members error_record(std::exception_ptr const& thrown);

}  // namespace farm::detail
