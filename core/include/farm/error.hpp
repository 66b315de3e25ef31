#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>

/// Every failure of the farm, as a type to catch.
///
/// `Error` is the root. It does not derive from std::exception, since TaskError is combined with standard exception
/// types; but every error that is thrown derives from both, so `catch (std::exception const&)` catches all of them as
/// well.
namespace farm {

class Error {
 public:
  Error() = default;
  Error(Error const&) = default;
  Error& operator=(Error const&) = default;
  virtual ~Error() = default;
  [[nodiscard]] virtual char const* what() const noexcept = 0;
};

namespace detail {

template <class Base>
class ErrorOf : public Base, public virtual Error {
 public:
  using Base::Base;
  [[nodiscard]] char const* what() const noexcept override { return Base::what(); }
};

}  // namespace detail

/// The initializer of an executor failed; its text is part of what(). Pending and later submissions get it.
class BrokenExecutor : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// The future was cancelled before its task started, or its executor was shut down with cancel_futures.
class CancelledError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// A wait ended before what it waited for; nothing has changed by it.
class TimeoutError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// Groups could not be started: no slots, no program, or the launcher failed.
class SpawnError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// A rank of the task's group died, so often that the task was given up. what() tells which rank, where and how.
class GroupLost : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// HDF5 or the file system failed under an array.
class StageError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// Submission to an executor that was shut down.
class ShutdownError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// Submission to an executor that has as many tasks as it may have.
class QueueFull : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// An argument or a result could not be turned into bytes, or back.
class SerializationError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// The caller's mistake: an option out of range, a pool made where none may be.
class UsageError : public detail::ErrorOf<std::invalid_argument> {
  using ErrorOf::ErrorOf;
};

/// An exception that left a task, on any rank of its group. What is thrown is always also of the standard type that was
/// thrown there (the nearest standard base of it), so that `catch (std::invalid_argument const&)` works.
class TaskError : public virtual Error {
 public:
  struct Details {
    std::uint64_t task = 0;  ///< number of the task within its pool, from 0
    int rank = 0;            ///< rank within the group on which it was thrown
    int ranks = 1;           ///< size of the group
    std::string host{};
    std::string type{};                    ///< the original type, demangled
    std::string text{};                    ///< the original what()
    std::optional<std::uint64_t> input{};  ///< of a task of a map: which input, from 0
  };

  explicit TaskError(Details details);

  /// "task 3, rank 1 of 2 on node7: std::invalid_argument: text", or "task 3 (input 20), ..."
  [[nodiscard]] char const* what() const noexcept override { return message_.c_str(); }
  [[nodiscard]] std::uint64_t task() const noexcept { return details_.task; }
  [[nodiscard]] int rank() const noexcept { return details_.rank; }
  [[nodiscard]] int ranks() const noexcept { return details_.ranks; }
  [[nodiscard]] std::string const& host() const noexcept { return details_.host; }
  [[nodiscard]] std::string const& type() const noexcept { return details_.type; }
  [[nodiscard]] std::string const& text() const noexcept { return details_.text; }
  [[nodiscard]] std::optional<std::uint64_t> input() const noexcept { return details_.input; }

 private:
  Details details_;
  std::string message_;
};

}  // namespace farm
