// How the farm finds out that the kernel has killed a process for lack of memory.
#include "spawn/environment/out_of_memory.hpp"
#include "tests/support/catch.hpp"

#include <unistd.h>

using namespace farm::detail;

TEST_CASE("kills for lack of memory are counted in both versions of control groups") {
  CHECK(oom_kills_in("low 0\nhigh 3\nmax 12\noom 2\noom_kill 2\noom_group_kill 1\n") == 2);
  CHECK(oom_kills_in("oom_kill_disable 0\nunder_oom 0\noom_kill 7\n") == 7);
  CHECK(oom_kills_in("oom_kill_disable 0\nunder_oom 0\n") == -1);
  CHECK(oom_kills_in("") == -1);
}

TEST_CASE("the kernel's log tells which process was killed for lack of memory") {
  auto const* const global = "3,1,2,-;Out of memory: Killed process 4711 (solver) total-vm:1kB";
  auto const* const of_group = "3,1,2,-;Memory cgroup out of memory: Killed process 4711 (solver) total-vm:1kB";
  CHECK(says_out_of_memory(global, 4711));
  CHECK(says_out_of_memory(of_group, 4711));
  CHECK_FALSE(says_out_of_memory(global, 471));
}

TEST_CASE("a process that lives was not killed for lack of memory") { CHECK_FALSE(OutOfMemory{}.has_killed(getpid())); }
