#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>

/// A child process that calls a function and then waits until kill() or the destructor kills it.
class OtherProcess {
 public:
  explicit OtherProcess(std::function<bool()> const& f) {
    int ends[2];
    if (pipe(ends) != 0) return;
    pid_ = fork();
    if (pid_ == 0) {
      bool const did = f();
      static_cast<void>(write(ends[1], did ? "y" : "n", 1) == 1);
      for (;;) pause();
    }
    char answer = 'n';
    did_ = read(ends[0], &answer, 1) == 1 && answer == 'y';
    close(ends[0]);
    close(ends[1]);
  }
  OtherProcess(OtherProcess const&) = delete;
  OtherProcess& operator=(OtherProcess const&) = delete;
  ~OtherProcess() { kill(); }

  [[nodiscard]] bool did() const { return did_; }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
  bool did_ = false;
};
