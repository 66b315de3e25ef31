#include <farm/over_comm.hpp>

#include "spawn/comm_session.hpp"
#include "spawn/hub.hpp"

namespace farm::detail {

std::shared_ptr<CommSession> make_session(CommOptions const& options) {
  return std::make_shared<CommSession>(options.comm, options.root);
}

std::shared_ptr<Engine> make_engine(CommSession const& session, CommOptions const& options) {
  if (!session.is_root()) return nullptr;
  return std::make_shared<Engine>(EngineOptions{.max_ranks = session.hub()->slots().total,
                                                .max_ranks_is = "the number of ranks that serve",
                                                .ranks_per_task = options.ranks_per_task,
                                                .initializer = options.initializer,
                                                .workers = options.workers},
                                  session.hub());
}

bool is_root(CommSession const& session) { return session.is_root(); }
void close(CommSession& session) { session.close(); }

}  // namespace farm::detail
