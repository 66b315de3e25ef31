#pragma once

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <string>
#include <vector>

/// Runs functions in child processes for which the kernel refuses what some file systems do not have.
namespace restricted {

constexpr std::uint32_t refuse_with(int error) { return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(error); }

/// Makes the kernel refuse flock() with this error.
inline std::vector<sock_filter> without_locks(int error) {
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_flock, 0, 1), BPF_STMT(BPF_RET | BPF_K, refuse_with(error)),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

/// Makes the kernel refuse mappings of files that have this flag: MAP_SHARED, or MAP_PRIVATE as well.
inline std::vector<sock_filter> without_mappings(std::uint32_t flags, int error) {
  constexpr auto argument = [](std::uint32_t i) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + i * sizeof(std::uint64_t));
  };
  return {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 4),
          BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(3)),
          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 2, 0),
          BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, flags, 0, 1),
          BPF_STMT(BPF_RET | BPF_K, refuse_with(error)),
          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
}

/// Returns what `f` returns in a child process with this filter, or the text of its exception.
inline std::string run(std::vector<sock_filter> filter, std::function<std::string()> const& f) {
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  auto const child = fork();
  if (child == 0) {
    sock_fprog const program{static_cast<unsigned short>(filter.size()), filter.data()};
    std::string said = "the kernel has no filters";
    try {
      if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0)
        said = f();
    } catch (std::exception const& error) {
      said = error.what();
    }
    static_cast<void>(write(ends[1], said.data(), said.size()) < 0);
    _exit(0);
  }
  close(ends[1]);
  std::string said;
  for (char buffer[4096];;) {
    auto const got = read(ends[0], buffer, sizeof buffer);
    if (got <= 0) break;
    said.append(buffer, static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status)) : said;
}

}  // namespace restricted
