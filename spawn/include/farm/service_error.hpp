#pragma once

#include <farm/error.hpp>

#include <string>
#include <utility>

namespace farm {

/// A server of the service refused a request, or could not do what it was asked for.
class ServiceError : public detail::ErrorOf<std::runtime_error> {
 public:
  /// Constructs an error with this text. For the library itself.
  ServiceError(int status, std::string const& text, std::string nearest = {})
      : ErrorOf(text), status_(status), nearest_(std::move(nearest)) {}
  /// Returns the status of the reply, as of HTTP: 404 if there is no such job or task; 0 if there is no reply.
  [[nodiscard]] int status() const noexcept { return status_; }
  /// Returns the known word that is nearest to an unknown one; empty if there is none.
  [[nodiscard]] std::string const& nearest() const noexcept { return nearest_; }

 private:
  int status_;
  std::string nearest_;
};

/// There is no server: none runs, it does not answer, or the connection to it broke.
class NoServer : public ServiceError {
 public:
  /// Constructs an error with this text. For the library itself.
  explicit NoServer(std::string const& text) : ServiceError(0, text) {}
};

}  // namespace farm
