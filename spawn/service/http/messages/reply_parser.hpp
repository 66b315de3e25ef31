#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace farm::detail::http {

/// Makes one reply of bytes that arrive in any pieces; those of status 100 and the like are passed over. Built on
/// Boost.Beast.
class ReplyParser {
 public:
  /// `has_no_body`: the request was HEAD.
  explicit ReplyParser(bool has_no_body);
  ReplyParser(ReplyParser const&) = delete;
  ReplyParser& operator=(ReplyParser const&) = delete;
  ~ReplyParser();

  /// Takes bytes, which follow those it has taken before, and returns how many it has taken: give it the others again,
  /// with more behind them. Throws std::runtime_error if they are no reply.
  std::size_t put(std::string_view bytes);
  /// Takes the end of the connection. Throws std::runtime_error if the reply is not complete.
  void put_end();
  [[nodiscard]] bool has_head() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] int status() const;
  /// Returns true if the connection can serve another request.
  [[nodiscard]] bool keep_alive() const;
  /// Returns the fields by their names in lower case.
  [[nodiscard]] std::map<std::string, std::string>& headers();
  /// Returns what has come of the body. The caller may take it away.
  [[nodiscard]] std::string& body();

 private:
  class Core;
  bool has_no_body_;
  std::unique_ptr<Core> core_;
};

}  // namespace farm::detail::http
