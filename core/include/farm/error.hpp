#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

/// Every failure of the farm, as a type to catch.
namespace farm {

/// The root of all errors of the farm.
///
/// It does not derive from std::exception, because TaskError is combined with standard exception types. Every error
/// that is thrown derives from both, so `catch (std::exception const&)` catches all of them as well.
class Error {
 public:
  /// Constructs an error; a derived class holds the message.
  Error() = default;
  /// Copies the error.
  Error(Error const&) = default;
  /// Copies the error.
  Error& operator=(Error const&) = default;
  virtual ~Error() = default;
  /// Returns the message.
  [[nodiscard]] virtual char const* what() const noexcept = 0;
};

namespace detail {

/// An Error that also is the standard exception Base; both return the same text.
template <class Base>
class ErrorOf : public Base, public virtual Error {
 public:
  using Base::Base;
  [[nodiscard]] char const* what() const noexcept override { return Base::what(); }
};

}  // namespace detail

/// The initializer of an executor failed. what() contains the text of its exception. All pending and later tasks of the
/// executor fail with this error.
class BrokenExecutor : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// The future was cancelled, or its executor was shut down with cancel_futures before the task started.
class CancelledError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// So many inputs of a map or batch have failed as its max_fails allows, so this input was not started. what() has the
/// first of these failures.
class TooManyFailures : public CancelledError {
  using CancelledError::CancelledError;
};

/// The timeout of a wait passed before the event that it waited for, which changes nothing; or a task ran longer than
/// its time limit.
class TimeoutError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// Groups could not be started: no slots, no program, or the launcher failed.
class SpawnError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// The group of a task lost a rank so often that the task was given up. what() tells which rank, on which host, and
/// how.
class GroupLost : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// HDF5 or the file system failed while an array was read or written.
class StageError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// A task was submitted to an executor that was shut down.
class ShutdownError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// A task was submitted to an executor that has as many tasks as its QueueLimit allows.
class QueueFull : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// An argument or a result could not be turned into bytes, or back.
class SerializationError : public detail::ErrorOf<std::runtime_error> {
  using ErrorOf::ErrorOf;
};

/// The caller made a mistake: an option is out of range, a pool is constructed where none may exist, and so on.
class UsageError : public detail::ErrorOf<std::invalid_argument> {
  using ErrorOf::ErrorOf;
};

/// An exception that left a task, on any rank of its group. The object that is thrown always has the standard type that
/// was thrown on the rank (or its nearest standard base) as well, so that `catch (std::invalid_argument const&)` works.
class TaskError : public virtual Error {
 public:
  /// Where the exception was thrown, and what it was.
  struct Details {
    std::uint64_t task = 0;             ///< number of the task within its pool, from 0
    std::string name{};                 ///< TaskOptions::name of the task
    int rank = 0;                       ///< rank within the group that threw
    int ranks = 1;                      ///< number of ranks of the group
    std::string host{};                 ///< name of the host of that rank
    std::string type{};                 ///< the original type, demangled
    std::string text{};                 ///< the original what(), or the value of a thrown number, text or enumeration
    std::vector<std::string> causes{};  ///< "type: text" of the exceptions nested in it, the outermost first
    std::optional<std::uint64_t> input{};  ///< index of the input, from 0, for a task of a map
    std::string not_run{};                 ///< how the message begins for a task that waited for this one
  };

  /// Constructs an error and its message from the details. For the library itself.
  explicit TaskError(Details details);

  /// Returns "task 3, rank 1 of 2 on node7: std::invalid_argument: text", or "task 3 (sim 37), ..." for a task with a
  /// name, or "task 3 (input 20), ..." for a task of a map. If exceptions are nested in it, "; caused by
  /// std::runtime_error: text" follows for each. A task whose argument, a future, has failed has the error of that
  /// future after "task 12 did not run, because its argument 4, sim 37, failed: ".
  [[nodiscard]] char const* what() const noexcept override { return message_.c_str(); }
  /// Returns the number of the task within its pool, from 0.
  [[nodiscard]] std::uint64_t task() const noexcept { return details_.task; }
  /// Returns the name that the task was given with TaskOptions::name; empty if it has none.
  [[nodiscard]] std::string const& name() const noexcept { return details_.name; }
  /// Returns the rank within the group that threw.
  [[nodiscard]] int rank() const noexcept { return details_.rank; }
  /// Returns the number of ranks of the group.
  [[nodiscard]] int ranks() const noexcept { return details_.ranks; }
  /// Returns the name of the host of the rank that threw.
  [[nodiscard]] std::string const& host() const noexcept { return details_.host; }
  /// Returns the original type of the exception, demangled.
  [[nodiscard]] std::string const& type() const noexcept { return details_.type; }
  /// Returns the original what() of the exception; the value if a number, a text or an enumeration was thrown.
  [[nodiscard]] std::string const& text() const noexcept { return details_.text; }
  /// Returns "type: text" of the exceptions that are nested in it, the outermost first. std::rethrow_if_nested throws
  /// the first of them.
  [[nodiscard]] std::vector<std::string> const& causes() const noexcept { return details_.causes; }
  /// Returns all that is known of the error. For the library itself.
  [[nodiscard]] Details const& details() const noexcept { return details_; }
  /// Returns the index of the input, from 0, for a task of a map; none for any other task.
  [[nodiscard]] std::optional<std::uint64_t> input() const noexcept { return details_.input; }

 private:
  Details details_;
  std::string message_;
};

}  // namespace farm
