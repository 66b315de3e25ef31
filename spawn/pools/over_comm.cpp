#include <farm/detail/over_comm.hpp>

#include "spawn/hub/comm_session.hpp"
#include "spawn/hub/hub.hpp"

#include <farm/comm.hpp>
#include <farm/error.hpp>

namespace farm::detail {

std::shared_ptr<CommSession> make_session(CommOptions const& options) {
  return std::make_shared<CommSession>(options.comm, options.root);
}

namespace {

/// A rank that is a thread of the master cannot have a process environment of its own.
void check_shared_process(WorkerOptions const& workers) {
  if (workers.working_directory.empty() && workers.environment.empty() && workers.output_directory.empty()) return;
  throw UsageError(
      "a communicator of one rank runs tasks in the process itself: they cannot have a working_directory, "
      "environment or output_directory of their own");
}

}  // namespace

std::shared_ptr<Engine> make_engine(CommSession const& session, CommOptions const& options) {
  if (!session.is_root()) return nullptr;
  if (Comm::borrow(options.comm).size() == 1) check_shared_process(options.workers);
  return std::make_shared<Engine>(EngineOptions{.max_ranks = session.hub()->source().slots().total,
                                                .max_ranks_is = "the number of ranks that serve",
                                                .ranks_per_task = options.ranks_per_task,
                                                .initializer = options.initializer,
                                                .workers = options.workers},
                                  session.hub());
}

bool is_root(CommSession const& session) { return session.is_root(); }
void close(CommSession& session) { session.close(); }

}  // namespace farm::detail
