#include <farm/outcome.hpp>

#include "core/text/exception_text.hpp"

#include <farm/error.hpp>

namespace farm::detail {

void rethrow_outcome(std::exception_ptr const& error) {
  if (!error) throw UsageError("this Outcome was moved from: it has no value and no error");
  std::rethrow_exception(error);
}

std::string text_of_error(std::exception_ptr const& error) {
  if (!error) return {};
  try {
    std::rethrow_exception(error);
  } catch (...) {
    return current_exception_text();
  }
}

}  // namespace farm::detail
