#pragma once

#include "spawn/service/api/disk_threads.hpp"
#include "spawn/service/api/event_feed.hpp"
#include "spawn/service/api/request_error.hpp"
#include "spawn/service/api/server_facts.hpp"
#include "spawn/service/dispatch/dispatch_port.hpp"
#include "spawn/service/http/server.hpp"
#include "spawn/service/queue/job_queue.hpp"
#include "spawn/service/store/store.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What answers requests, one function for each.
namespace farm::detail {

/// What the functions work with.
struct ApiContext {
  JobQueue& queue;
  Store& store;
  DispatchPort& dispatcher;
  ServerFacts facts;
  std::vector<std::string> addresses{};
  DiskThreads disk{2};
  std::unique_ptr<EventFeed> events{};
};

/// The numbers in the path of a request.
struct PathNumbers {
  std::uint64_t job = 0;
  std::uint64_t task = 0;
};

/// Answers a request. May throw RequestError, QueueError, UsageError and StoreError, which become answers.
using RouteFunction = void (*)(ApiContext& context, http::Request const& request, PathNumbers numbers,
                               http::Answer const& answer);

struct Route {
  std::string_view method;
  std::string_view path;  ///< N is the number of a job, K that of a task
  RouteFunction answer = nullptr;
  bool blocks = false;    ///< it reads from the disk, or waits for the pool: not on the server's thread
  bool for_page = false;  ///< the page may do it, although it changes something
};

[[nodiscard]] std::span<Route const> server_routes();
[[nodiscard]] std::span<Route const> job_routes();
[[nodiscard]] std::span<Route const> task_routes();

/// Returns what changes of the facts that GET /api/v1/server tells. Blocks for a moment.
[[nodiscard]] JsonMembers changing_facts(ApiContext& context);

/// Sends JSON.
inline void send_json(http::Answer const& answer, std::string body, int status = 200) {
  answer.send({.status = status, .body = std::move(body)});
}

}  // namespace farm::detail
