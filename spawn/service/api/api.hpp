#pragma once

#include "spawn/service/api/server_facts.hpp"
#include "spawn/service/dispatch/dispatch_port.hpp"
#include "spawn/service/http/server.hpp"
#include "spawn/service/queue/job_queue.hpp"
#include "spawn/service/store/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace farm::detail {

/// Answers the requests of clients. README.md of the service has the table of them.
class Api {
 public:
  /// All must outlive this, except for the facts.
  Api(JobQueue& queue, Store& store, DispatchPort& dispatcher, ServerFacts facts);
  ~Api();
  Api(Api const&) = delete;
  Api& operator=(Api const&) = delete;

  /// Tells where the ports listen, once they do.
  void set_addresses(std::vector<std::string> addresses);
  /// Answers a request, now or later. Called on the HTTP server's thread; does not block. HEAD is answered as GET is:
  /// the HTTP server leaves out the body.
  void handle(http::Request&& request, http::Answer answer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace farm::detail
