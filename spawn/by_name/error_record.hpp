#pragma once

#include <farm/detail/text_value.hpp>
#include <farm/error.hpp>

#include <exception>

namespace farm::detail {

/// Returns type, text, rank and host of an error: what JSON shows of it. Rank and host are null if no rank threw, for
/// example if a rank was lost. The error of a program has status, signal and peak_memory, too.
[[nodiscard]] TextValue::Members error_record(std::exception_ptr const& thrown);

/// Returns the error that such a record is about. It has the standard type of the original if that has a name of its
/// own (a class of the user that derives from std::runtime_error becomes a std::runtime_error), and is a TaskError if a
/// rank threw it. `details` has the task; type, text, rank and host are taken from the record.
[[nodiscard]] std::exception_ptr error_from_record(TextValue const& record, TaskError::Details details);

}  // namespace farm::detail
