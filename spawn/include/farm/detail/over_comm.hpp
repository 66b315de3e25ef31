#pragma once

#include <farm/comm_options.hpp>
#include <farm/detail/engine_owner.hpp>

#include <memory>
#include <utility>

namespace farm::detail {

class CommSession;

[[nodiscard]] std::shared_ptr<CommSession> make_session(CommOptions const& options);
/// Returns the engine on the root, and null on the other ranks.
[[nodiscard]] std::shared_ptr<Engine> make_engine(CommSession const& session, CommOptions const& options);
[[nodiscard]] bool is_root(CommSession const& session);
void close(CommSession& session);

/// The functions of an executor or pool, on the ranks of a communicator. Only the root may use them; other ranks get
/// UsageError.
template <class Functions>
class OverComm : public Functions {
 public:
  OverComm(OverComm const&) = delete;
  OverComm& operator=(OverComm const&) = delete;
  /// Calls shutdown() on the root.
  ~OverComm() {
    if (is_main()) shutdown();
  }

  [[nodiscard]] bool is_main() const { return is_root(*session_); }
  [[nodiscard]] bool is_worker() const { return !is_main(); }
  /// Throws WorkersExit on all ranks but the root, so that only the root runs the rest of the body of with().
  void workers_exit() const {
    if (is_worker()) throw WorkersExit{};
  }

  /// Shuts down as other executors do. With `wait`, the serving ranks then leave their constructor and go on; in a
  /// callback of a future, which cannot wait, they go on when the destructor runs. Does nothing on the serving ranks.
  void shutdown(bool wait = true, bool cancel_futures = false) {
    if (is_worker()) return;
    Functions::shutdown(wait, cancel_futures);
    if (wait) close(*session_);
  }

 protected:
  OverComm(CommOptions const& options, char const* name) : OverComm(make_session(options), options, name) {}

 private:
  OverComm(std::shared_ptr<CommSession> session, CommOptions const& options, char const* name)
      : Functions(make_engine(*session, options), name, "serves the root on this rank: only the root may use it"),
        session_(std::move(session)) {}

  std::shared_ptr<CommSession> session_;
};

}  // namespace farm::detail
