#include "spawn/group/member.hpp"

#include "core/base/host_name.hpp"

#include <unistd.h>
#include <csignal>

namespace farm::detail {

void end_rank(Member& member) {
  if (member.lifeline && member.lifeline->open()) {
    append_frame(member.lifeline->output(), FrameType::end);
    member.lifeline->flush();
  } else if (member.stream && member.stream->open()) {
    bool const in_this_process = member.host == host_name() && member.pid == getpid();
    if (!member.guarded && member.host == host_name() && !in_this_process) ::kill(member.pid, SIGKILL);
    member.stream->close();  // a rank without stream leaves after its task
    member.stream_closed = true;
  }
}

}  // namespace farm::detail
