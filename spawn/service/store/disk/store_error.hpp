#pragma once

#include <stdexcept>

namespace farm::detail {

/// Thrown if the database cannot be opened, read or written. One line for people, with what to do.
class StoreError : public std::runtime_error {
 public:
  using runtime_error::runtime_error;
};

}  // namespace farm::detail
