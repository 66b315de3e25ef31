#include "spawn/rank/end_rank.hpp"

#include "spawn/guard/guard_link.hpp"
#include "spawn/rank/task_output.hpp"

#include <unistd.h>
#include <cstdio>

namespace farm::detail {

void end_rank(std::string_view note, int status) {
  guard_link().set_note(note);
  flush_output();
  std::fflush(nullptr);
  _exit(status);
}

}  // namespace farm::detail
