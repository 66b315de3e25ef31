#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail::http {

/// The head of a request.
struct RequestHead {
  std::string method{};
  std::string target{};                          ///< as it was sent
  std::map<std::string, std::string> headers{};  ///< names in lower case; values of the same name joined by ", "
  bool is_1_1 = true;                            ///< else HTTP/1.0
  bool keep_alive = true;                        ///< the connection can serve another request afterwards
  bool expects_continue = false;                 ///< the client waits for status 100 before it sends the body
};

/// Makes one request of bytes that arrive in any pieces. Built on Boost.Beast.
class RequestParser {
 public:
  RequestParser(std::size_t largest_head, std::size_t largest_body);
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;
  ~RequestParser();

  /// Takes bytes, which follow those it has taken before, and returns how many it has taken: give it the others again,
  /// with more behind them. Stops behind the head, and behind the request. Throws Refusal if the bytes are no request,
  /// or the head or the body is too large.
  std::size_t put(std::string_view bytes);
  [[nodiscard]] bool has_head() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] RequestHead& head();
  [[nodiscard]] std::string& body();

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace farm::detail::http
