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

/// Makes the standard output a terminal while it exists.
class Terminal {
 public:
  Terminal() : master_(posix_openpt(O_RDWR | O_NOCTTY)), saved_(dup(STDOUT_FILENO)) {
    std::fflush(stdout);
    REQUIRE(grantpt(master_) == 0);
    REQUIRE(unlockpt(master_) == 0);
    int const slave = open(ptsname(master_), O_RDWR | O_NOCTTY);
    REQUIRE(slave >= 0);
    dup2(slave, STDOUT_FILENO);
    close(slave);
  }
  Terminal(Terminal const&) = delete;
  Terminal& operator=(Terminal const&) = delete;
  ~Terminal() {
    std::fflush(stdout);
    dup2(saved_, STDOUT_FILENO);
    close(saved_);
    close(master_);
  }

  /// Returns what was shown since construction.
  [[nodiscard]] std::string text() const {
    std::array<char, 4096> buffer{};
    auto const count = read(master_, buffer.data(), buffer.size());
    return {buffer.data(), count > 0 ? static_cast<std::size_t>(count) : 0};
  }

 private:
  int master_;
  int saved_;
};

}  // namespace

TEST_CASE("progress is one line per quarter if the output is not a terminal") {
  Captured const captured{STDOUT_FILENO};
  farm::ProgressBar bar{"job"};
  for (std::size_t done = 0; done <= 8; ++done) bar({done, 8});
  bar({0, 0});
  CHECK(captured.text() == "job: 2 of 8\njob: 4 of 8\njob: 6 of 8\njob: 8 of 8\n");
}

TEST_CASE("progress is a bar on a terminal, and the bar is removed at the end") {
  Terminal const terminal;
  farm::ProgressBar bar{"job"};
  bar({1, 2});
  auto const drawn = terminal.text();
  bar({2, 2});
  auto const last = terminal.text();
  CHECK_THAT(drawn, contains("\rjob [====="));
  CHECK_THAT(drawn, contains("] 1/2"));
  CHECK(last == "\r\033[K");
}

TEST_CASE("progress that cannot be written is not an error") {
  int const saved = dup(STDOUT_FILENO);
  int const full = open("/dev/full", O_WRONLY);
  std::fflush(stdout);
  dup2(full, STDOUT_FILENO);
  farm::ProgressBar bar{"job"};
  CHECK_NOTHROW(bar({1, 1}));
  dup2(saved, STDOUT_FILENO);
  close(saved);
  close(full);
}
