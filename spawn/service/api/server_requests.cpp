#include "spawn/service/api/metrics.hpp"
#include "spawn/service/api/routes.hpp"
#include "spawn/service/dispatch/task_kind_runner.hpp"
#include "spawn/service/protocol/object_text.hpp"
#include "spawn/service/protocol/shown.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace farm::detail {
namespace {

std::string page_address(ApiContext const& context) {
  if (context.facts.page_key.empty() || context.addresses.empty()) return {};
  return fmt::format("http://{}/?key={}", context.addresses.front(), context.facts.page_key);
}

void get_server(ApiContext& context, http::Request const& request, PathNumbers /*numbers*/,
                http::Answer const& answer) {
  auto const& facts = context.facts;
  ObjectText text;
  text.add("version", facts.version).add("program", facts.program).add("build", facts.build);
  text.add("directory", facts.directory.string()).add("host", facts.host).add("process", facts.process);
  text.add_time("since", facts.since).add("listen", context.addresses);
  text.add_or_null("page", request.is_local ? page_address(context) : std::string{});
  text.add("source", facts.source).add("slots", facts.slots).add("outlives", facts.outlives);
  text.add("resumed", facts.resumed_jobs).add("damage", facts.damage);
  for (auto const& [name, value] : changing_facts(context)) text.raw(name, value);
  send_json(answer, text.take());
}

void get_events(ApiContext& context, http::Request const& request, PathNumbers /*numbers*/,
                http::Answer const& answer) {
  auto const job = number_in_query(request, "job");
  if (job) static_cast<void>(context.queue.info(*job));
  auto const last = request.headers.find("last-event-id");
  context.events->add(answer.stream(), last == request.headers.end() ? std::string{} : last->second, job);
}

void get_metrics(ApiContext& context, http::Request const& /*request*/, PathNumbers /*numbers*/,
                 http::Answer const& answer) {
  answer.send({.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_text(context)});
}

void stop_server(ApiContext& context, http::Request const& request, PathNumbers /*numbers*/,
                 http::Answer const& answer) {
  std::string mode{"drain"};
  if (!request.body.empty()) {
    auto const json = nlohmann::json::parse(request.body, nullptr, false);
    if (!json.is_object()) throw RequestError(400, R"(the body is not {"mode": "drain"} or {"mode": "now"})");
    auto const found = json.find("mode");
    if (found != json.end()) mode = found->is_string() ? found->get<std::string>() : std::string{};
  }
  if (mode != "drain" && mode != "now") throw RequestError(400, R"(mode is neither "drain" nor "now")");
  send_json(answer, "{}");
  context.facts.stop(mode == "now" ? Dispatcher::How::now : Dispatcher::How::drain);
}

void get_functions(ApiContext& /*context*/, http::Request const& /*request*/, PathNumbers /*numbers*/,
                   http::Answer const& answer) {
  std::vector<std::string> functions;
  for (auto const& function : service_functions()) {
    std::vector<std::string> arguments;
    for (std::size_t i = 0; i < function.arguments.size(); ++i) {
      arguments.push_back(ObjectText{}
                              .add_or_null("name", function.names.empty() ? std::string{} : function.names[i])
                              .add("type", function.arguments[i])
                              .take());
    }
    functions.push_back(ObjectText{}
                            .add("name", function.name)
                            .add("signature", function.signature())
                            .raw("arguments", list_of(arguments))
                            .add("result", function.result)
                            .take());
  }
  send_json(answer, ObjectText{}.raw("functions", list_of(functions)).take());
}

void get_groups(ApiContext& context, http::Request const& /*request*/, PathNumbers /*numbers*/,
                http::Answer const& answer) {
  std::vector<std::string> groups;
  for (auto const& group : context.dispatcher.groups()) groups.push_back(shown_group(group));
  send_json(answer, ObjectText{}.raw("groups", list_of(groups)).take());
}

constexpr std::array routes{
    Route{.method = "GET", .path = "/api/v1/server", .answer = &get_server, .blocks = true},
    Route{.method = "POST", .path = "/api/v1/server/stop", .answer = &stop_server},
    Route{.method = "GET", .path = "/api/v1/functions", .answer = &get_functions},
    Route{.method = "GET", .path = "/api/v1/groups", .answer = &get_groups, .blocks = true},
    Route{.method = "GET", .path = "/api/v1/events", .answer = &get_events},
    Route{.method = "GET", .path = "/metrics", .answer = &get_metrics, .blocks = true},
};

}  // namespace

JsonMembers changing_facts(ApiContext& context) {
  auto const health = context.store.health();
  auto const problem = health.problem.empty() ? context.dispatcher.problem() : health.problem;
  auto const* const state = context.dispatcher.is_stopping() ? "stopping"
                            : health.problem.empty()         ? "serving"
                                                             : "cannot write";
  return {{"max_ranks", std::to_string(context.dispatcher.max_ranks())},
          {"state", json_text(state)},
          {"problem", problem.empty() ? "null" : json_text(problem)},
          {"unwritten", std::to_string(health.unwritten)},
          {"taken_over", std::to_string(context.dispatcher.taken_over())},
          {"jobs", std::to_string(context.queue.size())},
          {"groups", std::to_string(context.dispatcher.groups().size())},
          {"counts", shown_counts(context.queue.counts())},
          {"rate", fmt::format("{:.6g}", context.queue.rate())}};
}

std::span<Route const> server_routes() { return routes; }

}  // namespace farm::detail
