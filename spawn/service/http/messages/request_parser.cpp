#include "spawn/service/http/messages/request_parser.hpp"

#include "spawn/service/http/messages/refusal.hpp"

#include <fmt/format.h>
#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

namespace farm::detail::http {
namespace {

namespace beast = boost::beast;
using Code = beast::error_code;
using Text = beast::string_view;

/// No more is allocated for a body than has been announced, and not before some of it has come.
constexpr std::size_t most_ahead = std::size_t{64} << 20U;

std::string lower_case(Text text) {
  std::string lower{text.data(), text.size()};
  for (char& each : lower) {
    if (each >= 'A' && each <= 'Z') each = static_cast<char>(each - 'A' + 'a');
  }
  return lower;
}

/// Fields that say what the request is and from whom: with two of them, one reader would take the one, and another the
/// other.
constexpr std::array<std::string_view, 5> only_once{"authorization", "host", "origin", "transfer-encoding", "expect"};

}  // namespace

class RequestParser::Core final : public beast::http::basic_parser<true> {
 public:
  Core(std::size_t largest_head, std::size_t largest_body) : largest_head_(largest_head), largest_body_(largest_body) {
    header_limit(static_cast<std::uint32_t>(std::min<std::size_t>(largest_head, UINT32_MAX)));
    body_limit(largest_body);
  }

  std::size_t put_bytes(std::string_view bytes) {
    eager(is_header_done());  // stops behind the head
    Code code;
    std::size_t const taken = put(boost::asio::const_buffer{bytes.data(), bytes.size()}, code);
    if (!is_header_done() || !head_checked_) head_bytes_ += taken;
    using beast::http::error;
    // The parser's own limit is for what it has not taken yet.
    if (code == error::header_limit || head_bytes_ > largest_head_)
      throw Refusal(431, fmt::format("the head of the request has more than {} bytes", largest_head_));
    if (code == error::body_limit)
      throw Refusal(413, fmt::format("the body of the request has more than {} bytes", largest_body_));
    if (code && code != error::need_more)
      throw Refusal(400, fmt::format("this is no request of HTTP/1.1: {}", code.message()));
    if (is_header_done() && !std::exchange(head_checked_, true)) check_head();
    return taken;
  }

  RequestHead head{};
  std::string body{};

 private:
  void check_head() {
    auto const encoding = head.headers.find("transfer-encoding");
    if (encoding != head.headers.end() && (!chunked() || !head.is_1_1 || lower_case(encoding->second) != "chunked"))
      throw Refusal(400, "a Transfer-Encoding other than 'chunked' is not supported");
    auto const expected = head.headers.find("expect");
    if (expected != head.headers.end()) {
      if (lower_case(expected->second) != "100-continue")
        throw Refusal(417, "an Expect other than '100-continue' is not supported");
      head.expects_continue = head.is_1_1;
    }
    head.keep_alive = keep_alive();
  }

  void on_request_impl(beast::http::verb, Text method, Text target, int version, Code&) override {
    head.method.assign(method.data(), method.size());
    head.target.assign(target.data(), target.size());
    head.is_1_1 = version == 11;
  }
  void on_response_impl(int, Text, int, Code&) override {}
  void on_field_impl(beast::http::field, Text name, Text value, Code&) override {
    if (is_in_body_) return;  // fields behind a body in chunks
    auto const [place, is_new] = head.headers.try_emplace(lower_case(name), value.data(), value.size());
    if (is_new) return;
    if (std::find(only_once.begin(), only_once.end(), place->first) != only_once.end())
      throw Refusal(400, fmt::format("the field '{}' is twice in the request", place->first));
    place->second.append(place->first == "cookie" ? "; " : ", ").append(value.data(), value.size());
  }
  void on_header_impl(Code&) override { is_in_body_ = true; }
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

  std::size_t largest_head_;
  std::size_t largest_body_;
  std::size_t head_bytes_ = 0;
  bool head_checked_ = false;
  bool is_in_body_ = false;
};

RequestParser::RequestParser(std::size_t largest_head, std::size_t largest_body)
    : core_(std::make_unique<Core>(largest_head, largest_body)) {}
RequestParser::RequestParser(RequestParser&&) noexcept = default;
RequestParser& RequestParser::operator=(RequestParser&&) noexcept = default;
RequestParser::~RequestParser() = default;

std::size_t RequestParser::put(std::string_view bytes) {
  if (bytes.empty() || core_->is_done()) return 0;
  return core_->put_bytes(bytes);
}
bool RequestParser::has_head() const { return core_->is_header_done(); }
bool RequestParser::is_done() const { return core_->is_done(); }
RequestHead& RequestParser::head() { return core_->head; }
std::string& RequestParser::body() { return core_->body; }

}  // namespace farm::detail::http
