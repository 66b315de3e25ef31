#include "spawn/service/http/messages/reply_parser.hpp"

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <cstdint>
#include <stdexcept>

namespace farm::detail::http {
namespace {

namespace beast = boost::beast;
using Code = beast::error_code;
using Text = beast::string_view;

constexpr std::uint32_t largest_head = 64U << 10U;
constexpr std::size_t most_ahead = std::size_t{64} << 20U;

}  // namespace

class ReplyParser::Core final : public beast::http::basic_parser<false> {
 public:
  explicit Core(bool has_no_body) {
    header_limit(largest_head);
    body_limit(UINT64_MAX);  // "none" is a limit of 0 in Boost 1.74
    eager(true);
    skip(has_no_body);
  }

  int status = 0;
  std::map<std::string, std::string> headers{};
  std::string body{};

 private:
  void on_request_impl(beast::http::verb, Text, Text, int, Code&) override {}
  void on_response_impl(int code, Text, int, Code&) override { status = code; }
  void on_field_impl(beast::http::field, Text name, Text value, Code&) override {
    std::string lower{name.data(), name.size()};
    for (char& each : lower) {
      if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
    }
    headers.insert_or_assign(std::move(lower), std::string{value.data(), value.size()});
  }
  void on_header_impl(Code&) override {}
  void on_body_init_impl(boost::optional<std::uint64_t> const& length, Code&) override {
    if (length) body.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(*length, most_ahead)));
  }
  std::size_t on_body_impl(Text bytes, Code&) override {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  void on_chunk_header_impl(std::uint64_t, Text, Code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, Text bytes, Code& code) override { return on_body_impl(bytes, code); }
  void on_finish_impl(Code&) override {}
};

ReplyParser::ReplyParser(bool has_no_body) : has_no_body_(has_no_body), core_(std::make_unique<Core>(has_no_body)) {}
ReplyParser::~ReplyParser() = default;

std::size_t ReplyParser::put(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !is_done()) {
    Code code;
    auto const left = bytes.substr(taken);
    std::size_t const count = core_->put(boost::asio::const_buffer{left.data(), left.size()}, code);
    taken += count;
    if (code && code != beast::http::error::need_more) throw std::runtime_error(code.message());
    if (core_->is_done() && core_->status < 200) {
      core_ = std::make_unique<Core>(has_no_body_);
    } else if (count == 0) {
      break;
    }
  }
  return taken;
}

void ReplyParser::put_end() {
  if (is_done()) return;
  Code code = beast::http::error::partial_message;
  if (core_->got_some()) core_->put_eof(code);
  if (code) throw std::runtime_error(code.message());
}

bool ReplyParser::has_head() const { return core_->is_header_done(); }
bool ReplyParser::is_done() const { return core_->is_done(); }
int ReplyParser::status() const { return core_->status; }
bool ReplyParser::keep_alive() const { return core_->keep_alive(); }
std::map<std::string, std::string>& ReplyParser::headers() { return core_->headers; }
std::string& ReplyParser::body() { return core_->body; }

}  // namespace farm::detail::http
