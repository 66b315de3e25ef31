#pragma once

#include <exception>
#include <string>

/// Returns the text of the Expected that f throws, "no error" if f does not throw, or "of another type: " and the text.
template <class Expected = std::exception, class F>
std::string error_of(F f) {
  try {
    f();
  } catch (std::exception const& e) {
    bool const is_expected = dynamic_cast<Expected const*>(&e) != nullptr;
    return (is_expected ? "" : "of another type: ") + std::string(e.what());
  }
  return "no error";
}
