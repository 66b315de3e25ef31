#pragma once

#include "spawn/join/join_info.hpp"
#include "spawn/rank/task_server.hpp"
#include "spawn/succession/answer_log.hpp"
#include "spawn/succession/next_master.hpp"
#include "spawn/wire/channel.hpp"

#include <asio/io_context.hpp>

namespace farm::detail {

/// A rank that outlives its master: finds the next one, and hands over to it.
class OutlivingRank {
 public:
  /// `join_info` and `hello` are those by which the rank has joined its first master. Throws std::system_error.
  OutlivingRank(JoinInfo const& join_info, Hello hello);

  [[nodiscard]] AnswerLog& log() { return log_; }
  /// The stream to the master has ended, and the tasks that came through it were begun, or are held. Blocks until the
  /// next master has taken the rank over; then the channel leads there. The guard ends this process if no master comes.
  /// Returns false if the rank is not to outlive its master.
  [[nodiscard]] bool find_next_master(asio::io_context& context, Channel& channel, TaskServer& server);

 private:
  [[nodiscard]] bool rejoin(asio::io_context& context, Channel& channel, TaskServer& server);

  AnswerLog log_;
  NextMaster next_;
  Hello hello_;
};

}  // namespace farm::detail
