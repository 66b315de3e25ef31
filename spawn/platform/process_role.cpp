#include "spawn/platform/process_role.hpp"

namespace farm::detail {
namespace {

bool rank_process = false;  // NOLINT: one per process

}  // namespace

bool is_rank_process() { return rank_process; }
void set_rank_process() { rank_process = true; }

}  // namespace farm::detail
