// Bytes that come to the HTTP server: requests in any pieces, their targets, who is let in, and text with events.
// Whatever arrives is a request, is refused with a reason in one line, or is waited for; pieces change nothing; nobody
// without the token or the key is let in.
#include "spawn/service/http/messages/admission.hpp"
#include "spawn/service/http/messages/event_text.hpp"
#include "spawn/service/http/messages/percent.hpp"
#include "spawn/service/http/messages/refusal.hpp"
#include "spawn/service/http/messages/reply_parser.hpp"
#include "spawn/service/http/messages/request_parser.hpp"
#include "tests/fuzz/expect.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

using namespace farm::detail::http;

namespace {

constexpr std::size_t most = 2048;

struct Verdict {
  int refused = 0;
  bool is_whole = false;
  RequestHead head{};
  std::string body{};
  std::size_t taken = 0;
};

Verdict parse(std::string_view bytes, std::size_t piece) {
  Verdict verdict;
  RequestParser parser{most, most};
  std::string waiting;
  try {
    while (!parser.is_done() && !bytes.empty()) {
      waiting += bytes.substr(0, piece);
      bytes.remove_prefix(std::min(piece, bytes.size()));
      for (std::size_t count = 1; count != 0 && !parser.is_done();) {
        count = parser.put(waiting);
        expect(count <= waiting.size(), "no more bytes are taken than there are");
        waiting.erase(0, count);
        verdict.taken += count;
      }
      expect(waiting.size() <= most + piece, "what waits is bounded");
    }
  } catch (Refusal const& refusal) {
    verdict.refused = refusal.status;
    expect(refusal.status >= 400 && refusal.status < 500, "it is the client's mistake");
    expect(std::string_view{refusal.what()}.find('\n') == std::string_view::npos, "a reason is one line");
    return verdict;
  }
  verdict.is_whole = parser.is_done();
  verdict.head = parser.head();
  verdict.body = parser.body();
  return verdict;
}

void check_pieces(std::string_view bytes, std::size_t piece) {
  auto const whole = parse(bytes, bytes.size() + 1);
  auto const parts = parse(bytes, piece);
  expect(whole.is_whole == parts.is_whole, "pieces change nothing");
  if (!whole.is_whole) return;
  expect(whole.taken == parts.taken, "a request ends where it ends");
  expect(whole.head.method == parts.head.method && whole.head.target == parts.head.target &&
             whole.head.headers == parts.head.headers && whole.body == parts.body,
         "pieces change nothing in it");
  expect(whole.body.size() <= most, "a body is not larger than allowed");
}

void check_admission(RequestHead const& head) {
  std::optional<Target> target;
  try {
    target = read_target(head.target);
  } catch (Refusal const& refusal) {
    expect(refusal.status == 400, "a bad target is a bad request");
    return;
  }
  expect(target->path.find('\0') == std::string::npos, "a path has no NUL");
  auto const again = read_target("/" + percent_encode(target->path));
  expect(again.path == "/" + target->path, "what is encoded is decoded to the same text");
  bool const has_key = target->query.count("key") != 0 && target->query.at("key") == "page";
  auto const field = [&](std::string const& name) {
    auto const found = head.headers.find(name);
    return found == head.headers.end() ? std::string{} : found->second;
  };
  try {
    auto const admitted = admit(head, *target, {"secret", "page", {"node1"}}, 80);
    bool const has_token = field("authorization").ends_with("secret");
    bool const has_cookie = field("cookie").find("farm_key_80=page") != std::string::npos;
    expect(has_token || (has_key && !admitted.set_cookie.empty()) || has_cookie, "nobody is let in without a secret");
    expect(has_token || !admitted.may_change, "only the token lets change");
  } catch (Refusal const& refusal) {
    expect(refusal.status == 400 || refusal.status == 401 || refusal.status == 403, "strangers are refused");
  }
}

std::string events_in(std::string_view text, std::size_t piece) {
  std::string events;
  EventParser parser;
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    parser.put(text.substr(0, piece), [&](auto const& id, auto const& event, auto const& data) {
      events.append(id).append("|").append(event).append("|").append(data).append("|");
      return true;
    });
  }
  return events;
}

void check_reply(std::string_view bytes) {
  ReplyParser parser{false};
  try {
    parser.put(bytes);
    parser.put_end();
  } catch (std::runtime_error const&) {  // it is no reply
  }
  static_cast<void>(error_in(parser.body()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size < 1) return 0;
  std::string_view const bytes{reinterpret_cast<char const*>(data) + 1, size - 1};
  std::size_t const piece = 1 + data[0] % 64;
  check_pieces(bytes, piece);
  auto const verdict = parse(bytes, bytes.size() + 1);
  if (verdict.is_whole) check_admission(verdict.head);
  expect(events_in(bytes, piece) == events_in(bytes, bytes.size() + 1), "events are the same in whatever pieces");
  check_reply(bytes);
  return 0;
}
