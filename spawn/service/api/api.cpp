#include "spawn/service/api/api.hpp"

#include "core/text/exception_text.hpp"
#include "spawn/service/api/routes.hpp"
#include "spawn/service/protocol/shown.hpp"
#include "spawn/service/web/page.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace farm::detail {
namespace {

/// Compares a path with that of a route. Returns the numbers in it if they match.
std::optional<PathNumbers> match(std::string_view pattern, std::string_view path) {
  PathNumbers numbers;
  while (!pattern.empty() || !path.empty()) {
    auto const expected = pattern.substr(0, pattern.find('/'));
    auto const part = path.substr(0, path.find('/'));
    if (expected == "N" || expected == "K") {
      auto& number = expected == "N" ? numbers.job : numbers.task;
      auto const [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
      if (error != std::errc{} || end != part.data() + part.size() || part.empty()) return std::nullopt;
    } else if (expected != part) {
      return std::nullopt;
    }
    bool const pattern_ends = expected.size() == pattern.size();
    bool const path_ends = part.size() == path.size();
    if (pattern_ends != path_ends) return std::nullopt;
    if (pattern_ends) return numbers;
    pattern.remove_prefix(expected.size() + 1);
    path.remove_prefix(part.size() + 1);
  }
  return numbers;
}

/// Calls the route's function, and turns what it throws into an answer.
void answer_request(Route const& route, ApiContext& context, http::Request const& request, PathNumbers numbers,
                    http::Answer const& answer) noexcept {
  auto const refuse = [&](int status, std::string const& text) { answer.send(error_response(status, text)); };
  try {
    route.answer(context, request, numbers, answer);
  } catch (RequestError const& error) {
    refuse(error.status, error.what());
  } catch (QueueError const& error) {
    refuse(error.why == QueueError::Why::not_found ? 404 : 409, error.what());
  } catch (UsageError const& error) {
    refuse(400, error.what());
  } catch (StoreError const& error) {
    refuse(507, error.what());
  } catch (std::exception const& error) {
    refuse(500, text_of(error));
  }
}

}  // namespace

struct Api::Impl {
  ApiContext context;
};

Api::Api(JobQueue& queue, Store& store, DispatchPort& dispatcher, ServerFacts facts)
    : impl_(new Impl{{.queue = queue, .store = store, .dispatcher = dispatcher, .facts = std::move(facts)}}) {
  auto& context = impl_->context;
  auto const job = [&queue](std::uint64_t number) {
    try {
      return shown_job(queue.info(number));
    } catch (QueueError const&) {
      return std::string{};  // it was forgotten
    }
  };
  context.events = std::make_unique<EventFeed>(EventFeed::Sources{
      .job = job, .groups = [&] { return dispatcher.groups(); }, .server = [&] { return changing_facts(context); }});
  queue.set_listener(context.events->listener());
}

Api::~Api() {
  impl_->context.queue.set_listener({});
  impl_->context.events.reset();
}

void Api::set_addresses(std::vector<std::string> addresses) { impl_->context.addresses = std::move(addresses); }

void Api::handle(http::Request&& request, http::Answer answer) {
  auto const method = request.method == "HEAD" ? std::string_view{"GET"} : std::string_view{request.method};
  std::string allowed;
  for (auto const routes : {server_routes(), job_routes(), task_routes()}) {
    for (auto const& route : routes) {
      auto const numbers = match(route.path, request.path);
      if (!numbers) continue;
      if (route.method != method) {
        allowed += route.method == "GET" ? "GET, HEAD, " : "POST, ";
        continue;
      }
      if (method != "GET" && !request.may_change && !route.for_page)
        return answer.send(error_response(403, "the page may not do this: it takes the token"));
      if (!route.blocks) return answer_request(route, impl_->context, request, *numbers, answer);
      auto const job = [this, &route, numbers, request = std::move(request), answer] {
        answer_request(route, impl_->context, request, *numbers, answer);
      };
      if (!impl_->context.disk.run(job)) answer.send(error_response(503, "too many requests wait: try again later"));
      return;
    }
  }
  bool const has_page = !impl_->context.facts.page_key.empty();
  if (auto const file = web_file(request.path); file && has_page && method == "GET")
    return answer.send({.type = std::string{file->type}, .body = std::string{file->bytes}, .headers = file->headers});
  if (allowed.empty()) return answer.send(error_response(404, fmt::format("there is no {}", request.path)));
  allowed += "OPTIONS";
  if (method == "OPTIONS") return answer.send({.status = 204, .headers = {{"Allow", allowed}}});
  auto refusal = error_response(405, fmt::format("{} is not for {}, but for {}", request.path, method, allowed));
  refusal.headers["Allow"] = allowed;
  answer.send(std::move(refusal));
}

}  // namespace farm::detail
