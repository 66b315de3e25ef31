#include "spawn/launch/launcher_process.hpp"
#include "tests/support/catch.hpp"

#include <asio/io_context.hpp>

#include <memory>
#include <string>

using farm::detail::LauncherProcess;

namespace {

/// Runs a shell script as a launcher until it has ended.
class Launched {
 public:
  explicit Launched(std::string const& script, bool needs_children = false)
      : process_(LauncherProcess::start(
            context_,
            {.command = {"sh", "-c", script}, .environment = {"PATH=/bin:/usr/bin"}, .needs_children = needs_children},
            nullptr, [] {})) {
    context_.run();
    REQUIRE(process_->ended());
  }
  LauncherProcess const* operator->() const { return process_.get(); }

 private:
  asio::io_context context_;
  std::shared_ptr<LauncherProcess> process_;
};

Launched run(std::string const& script) { return Launched{script}; }

}  // namespace

TEST_CASE("the probable cause of a launcher's failure is the first paragraph on stderr") {
  auto const process =
      run("echo hello; echo; echo 'ssh: no such   host\r' >&2; echo ------ >&2; echo rest >&2; exit 3");
  CHECK(process->probable_cause() == "ssh: no such host");
  CHECK(process->has_said_more());
  CHECK(process->exit_text() == "exited with status 3");
}

TEST_CASE("the lines of a paragraph are joined, and a colon or full stop at its end is left out") {
  CHECK(run("printf '\\n---\\nnot enough slots\\nfor 2 ranks:\\n\\n  prog\\n' >&2")->probable_cause() ==
        "not enough slots for 2 ranks");
  CHECK(run("echo It is over. >&2")->probable_cause() == "It is over");
}

TEST_CASE("a launcher that prints on stdout only is quoted, too, and one that prints nothing has no cause") {
  auto const process = run("echo no licence");
  CHECK(process->probable_cause() == "no licence");
  CHECK_FALSE(process->has_said_more());
  CHECK(run("exit 1")->probable_cause().empty());
}

TEST_CASE("an error of a rank's farm is the cause, whatever the launcher prints around it") {
  CHECK(run("echo noise >&2; echo; echo 'farm: the build differs' >&2; echo more >&2")->probable_cause() ==
        "the build differs");
}

TEST_CASE("a launcher that waits although its children have ended is ended, with what they have said") {
  Launched const waits{"echo no such host >&2; exec sleep 1000", true};
  CHECK(waits->was_killed());
  CHECK(waits->probable_cause() == "no such host");
  Launched const has_child{"sleep 4; exit 3", true};
  CHECK(has_child->exit_text() == "exited with status 3");
}

TEST_CASE("a long cause is cut") {
  auto const cause = run("head -c 1000 /dev/zero | tr '\\0' x >&2; echo >&2; echo y >&2")->probable_cause();
  CHECK(cause.size() == 200);
  CHECK(cause.ends_with("..."));
}
