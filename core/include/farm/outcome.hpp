#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace farm {

namespace detail {

/// Rethrows the error; throws UsageError if it is null, which says that there is a value.
[[noreturn]] void rethrow_outcome(std::exception_ptr const& error);
/// Returns the text of an error; empty if it is null.
[[nodiscard]] std::string text_of_error(std::exception_ptr const& error);

}  // namespace detail

/// What one call of a map has become: its value, or the error that it ended with. A map with collect_errors has one for
/// each input.
template <class T>
class Outcome {
 public:
  /// Constructs an outcome with a value.
  explicit Outcome(T value) : value_(std::move(value)) {}
  /// Constructs an outcome with an error, which must not be null.
  explicit Outcome(std::exception_ptr error) : error_(std::move(error)) {}

  /// Returns true if there is a value, false if there is an error.
  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  /// Returns true if there is a value, false if there is an error.
  explicit operator bool() const noexcept { return has_value(); }

  /// Returns the value. Throws the error if there is no value.
  [[nodiscard]] T& value() & { return has_value() ? *value_ : (detail::rethrow_outcome(error_), *value_); }
  /// Returns the value. Throws the error if there is no value.
  [[nodiscard]] T const& value() const& { return has_value() ? *value_ : (detail::rethrow_outcome(error_), *value_); }
  /// Returns the value, to move from. Throws the error if there is no value.
  [[nodiscard]] T&& value() && { return std::move(value()); }
  /// Returns the value, or `other` if there is none.
  template <class U>
  [[nodiscard]] T value_or(U&& other) const& {
    return has_value() ? *value_ : static_cast<T>(std::forward<U>(other));
  }
  /// Returns the value, which must exist.
  [[nodiscard]] T& operator*() noexcept { return *value_; }
  /// Returns the value, which must exist.
  [[nodiscard]] T const& operator*() const noexcept { return *value_; }
  /// Returns a pointer to the value, which must exist.
  [[nodiscard]] T* operator->() noexcept { return &*value_; }
  /// Returns a pointer to the value, which must exist.
  [[nodiscard]] T const* operator->() const noexcept { return &*value_; }

  /// Returns the error, as Future::result() would throw it; null if there is a value.
  [[nodiscard]] std::exception_ptr const& error() const noexcept { return error_; }
  /// Returns the text of the error; empty if there is a value.
  [[nodiscard]] std::string error_text() const { return detail::text_of_error(error_); }

 private:
  std::optional<T> value_;
  std::exception_ptr error_;
};

namespace detail {
template <class T>
inline constexpr bool is_outcome = false;
template <class T>
inline constexpr bool is_outcome<Outcome<T>> = true;
}  // namespace detail

/// The outcome of a call that returns nothing.
template <>
class Outcome<void> {
 public:
  /// Constructs the outcome of a call that has returned.
  Outcome() = default;
  /// Constructs an outcome with an error, which must not be null.
  explicit Outcome(std::exception_ptr error) : error_(std::move(error)) {}

  /// Returns true if the call has returned, false if there is an error.
  [[nodiscard]] bool has_value() const noexcept { return error_ == nullptr; }
  /// Returns true if the call has returned, false if there is an error.
  explicit operator bool() const noexcept { return has_value(); }
  /// Returns if the call has returned. Throws the error otherwise.
  void value() const {
    if (error_) detail::rethrow_outcome(error_);
  }
  /// Returns the error, as Future::result() would throw it; null if the call has returned.
  [[nodiscard]] std::exception_ptr const& error() const noexcept { return error_; }
  /// Returns the text of the error; empty if the call has returned.
  [[nodiscard]] std::string error_text() const { return detail::text_of_error(error_); }

 private:
  std::exception_ptr error_;
};

}  // namespace farm
