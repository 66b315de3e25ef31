#pragma once

#include <exception>
#include <string>

/// The text of the Expected that f throws; "no error", or that of another type marked as such.
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
