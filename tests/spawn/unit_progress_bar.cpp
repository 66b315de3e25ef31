#include <farm/detail/log.hpp>
#include <farm/progress_bar.hpp>

#include "tests/spawn/captured.hpp"
#include "tests/support/catch.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

/// Makes the standard error a terminal while it exists.
class Terminal {
 public:
  Terminal() : master_(posix_openpt(O_RDWR | O_NOCTTY)), saved_(dup(STDERR_FILENO)) {
    std::fflush(stderr);
    REQUIRE(grantpt(master_) == 0);
    REQUIRE(unlockpt(master_) == 0);
    int const slave = open(ptsname(master_), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
    dup2(slave, STDERR_FILENO);
    close(slave);
  }
  Terminal(Terminal const&) = delete;
  Terminal& operator=(Terminal const&) = delete;
  ~Terminal() {
    std::fflush(stderr);
    dup2(saved_, STDERR_FILENO);
    close(saved_);
    close(master_);
  }

  /// Returns what was shown since the last call. What was written before a mark arrives before the mark does.
  [[nodiscard]] std::string text() const {
    constexpr char mark = '\x01';
    std::fflush(stderr);
    REQUIRE(write(STDERR_FILENO, &mark, 1) == 1);
    std::string text;
    std::array<char, 4096> buffer{};
    while (!text.ends_with(mark)) {
      auto const count = read(master_, buffer.data(), buffer.size());
      REQUIRE(count > 0);
      text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    text.pop_back();
    return text;
  }

 private:
  int master_;
  int saved_;
};

}  // namespace

TEST_CASE("without a terminal, progress is one line at the end, and one every half minute before") {
  Captured const captured{STDERR_FILENO};
  farm::ProgressBar bar{"job"};
  for (std::size_t done = 0; done <= 8; ++done) bar({.done = done, .total = 8, .failed = 2});
  bar({.done = 0, .total = 0});
  CHECK(captured.text() == "job: 8/8, 2 failed, 0:00\n");
}

TEST_CASE("on a terminal, progress is a line with a bar, numbers and times, and the line is removed at the end") {
  Terminal const terminal;
  farm::ProgressBar bar{"job"};
  bar({.done = 1, .total = 2, .failed = 1, .running = 1});
  auto const drawn = terminal.text();
  bar({.done = 2, .total = 2});
  auto const last = terminal.text();
  CHECK_THAT(drawn, contains("\rjob [====="));
  CHECK_THAT(drawn, contains("] 1/2, 1 failed, 1 running, 0:00, about 0:00 left"));
  CHECK(last == "\r\033[K");
}

TEST_CASE("a bar that is destroyed before the end, and a message of the farm, remove the line") {
  Terminal const terminal;
  {
    farm::ProgressBar bar{"job"};
    bar({.done = 1, .total = 2});
    CHECK_THAT(terminal.text(), contains("1/2"));
  }
  CHECK(terminal.text() == "\r\033[K");
  farm::ProgressBar bar{"job"};
  bar({.done = 1, .total = 2});
  CHECK_THAT(terminal.text(), contains("1/2"));
  farm::detail::log_error("a message");
  CHECK_THAT(terminal.text(), contains("\r\033[Kfarm: a message"));
}

TEST_CASE("progress that cannot be written is not an error") {
  int const saved = dup(STDERR_FILENO);
  int const full = open("/dev/full", O_WRONLY);
  std::fflush(stderr);
  dup2(full, STDERR_FILENO);
  farm::ProgressBar bar{"job"};
  CHECK_NOTHROW(bar({1, 1}));
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(full);
}
