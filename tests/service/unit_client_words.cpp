// What users write and read: selectors, times, names, the state directory.
#include "spawn/by_name/time_text.hpp"
#include "spawn/program/service/selector.hpp"
#include "spawn/program/service/shown_text.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/service/client/state_directory.hpp"
#include "tests/service/scripted_service.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <cstdlib>
#include <optional>

using namespace farm::detail;

namespace {

/// Sets an environment variable as long as it exists.
class Variable {
 public:
  Variable(char const* name, std::optional<std::string> const& value) : name_(name) {
    if (char const* const old = getenv(name)) before_ = old;
    set(value);
  }
  Variable(Variable const&) = delete;
  Variable& operator=(Variable const&) = delete;
  ~Variable() { set(before_); }

 private:
  void set(std::optional<std::string> const& value) const {
    if (value) {
      setenv(name_, value->c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }
  char const* name_;
  std::optional<std::string> before_;
};

bool is_refused(std::string const& text) {
  return error_of<TypingError>([&] {
           Selector{text, "JOB"};
         }).find("numbers such as 5, 1-10 or 1,3,5-8 are expected") != std::string::npos;
}

}  // namespace

TEST_CASE("a selector is a number, a range, a list of them, all or last") {
  CHECK(Selector{"5", "JOB"}.contains(5));
  CHECK_FALSE(Selector{"5", "JOB"}.contains(6));
  Selector const list{"1,3,5-8", "JOB"};
  CHECK(list.contains(1));
  CHECK_FALSE(list.contains(2));
  CHECK(list.contains(8));
  CHECK_FALSE(list.contains(9));
  CHECK(Selector{"all", "JOB"}.contains(123456789));
  CHECK(Selector{"last", "JOB"}.is_last());
}

TEST_CASE("a wrong selector is refused with what is expected") {
  for (auto const* const text : {"", "x", "1-", "-1", "3-1", "1,,2", "1, 2", "1.5", "99999999999999999999", "lastly"}) {
    CAPTURE(text);
    CHECK(is_refused(text));
  }
  CHECK(error_of<TypingError>([] { Selector{"a", "--tasks"}; }).starts_with("--tasks: 'a' was given"));
}

TEST_CASE("jobs of a range are those that exist, and a single one need not exist") {
  ScriptedService service{"selector"};
  service.on("GET /api/v1/jobs", {"{\"jobs\":[" + job_json(2, "finished", 1, "") + ',' + job_json(4, "running", 1, "") +
                                  "],\"next\":null}"});
  Requests requests{{.directory = service.directory()}};
  CHECK(selected_jobs("1-10", requests) == std::vector<std::uint64_t>{2, 4});
  CHECK(selected_jobs("7,1-3", requests) == std::vector<std::uint64_t>{2, 7});
  CHECK(selected_jobs("last", requests) == std::vector<std::uint64_t>{4});
  CHECK(selected_jobs("all", requests) == std::vector<std::uint64_t>{2, 4});
  CHECK(error_of<TypingError>([&] { static_cast<void>(selected_jobs("8-9", requests)); }) ==
        "JOB: the server has no jobs of 8-9");
  CHECK(selected_task("last.3", requests) == TaskName{4, 3});
  CHECK(selected_task("7.0", requests) == TaskName{7, 0});
  for (auto const* const text : {"7", "7.", ".1", "7.x", "all.1", "1-2.3", "7.1.2"}) {
    CAPTURE(text);
    CHECK(error_of<TypingError>([&] { static_cast<void>(selected_task(text, requests)); }).find("a task is expected") !=
          std::string::npos);
  }
}

TEST_CASE("times have units, which may follow one another") {
  CHECK(read_time("90") == 90);
  CHECK(read_time("90s") == 90);
  CHECK(read_time("0.5") == 0.5);
  CHECK(read_time("500ms") == 0.5);
  CHECK(read_time("10m") == 600);
  CHECK(read_time("1h30m") == 5400);
  CHECK(read_time("1.5h") == 5400);
  CHECK(read_time("2d1h1m1s1ms") == Approx(2 * 86400 + 3661.001));
  for (auto const* const text : {"", "m", "1x", "30m1h", "1h1h", "1h30", "inf", "nan", "1 h 5", "1hm", "1sm"}) {
    CAPTURE(text);
    CHECK_FALSE(read_time(text));
  }
}

TEST_CASE("times are shown in two units at most") {
  CHECK(time_text(0) == "0 s");
  CHECK(time_text(-1) == "0 s");
  CHECK(time_text(0.25) == "0.250 s");
  CHECK(time_text(1.5) == "1.50 s");
  CHECK(time_text(59) == "59 s");
  CHECK(time_text(59.9) == "1m 0s");
  CHECK(time_text(5400) == "1h 30m");
  CHECK(time_text(100'000) == "1d 3h");
}

TEST_CASE("a name is shown in one line, and cannot act on a terminal") {
  CHECK(one_line("plain gr\xc3\xbc\xc3\x9f 'quoted' \"too\" ../x") == "plain gr\xc3\xbc\xc3\x9f 'quoted' \"too\" ../x");
  CHECK(one_line("a\nb\tc\r") == "a\\nb\\tc\\r");
  CHECK(one_line("\x1b[31mred\x7f") == "\\x1b[31mred\\x7f");
  CHECK(one_line("\xe2\x80\xae"
                 "evil") == "\\u202eevil");
  CHECK(one_line("back\\slash") == "back\\\\slash");
  CHECK(one_line("\xff") == "\xef\xbf\xbd");
  CHECK(one_line(std::string("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("a long name ends in dots") {
  CHECK(one_line("0123456789", 10) == "0123456789");
  CHECK(one_line("0123456789a", 10) == "0123456...");
  CHECK(one_line("012345\n\n\n", 10) == "012345...");
  CHECK(one_line("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 4) == "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc");
}

TEST_CASE("the state directory is that of the option, of FARM_DIR, or the user's") {
  Variable const home{"HOME", "/home/me"};
  Variable const none{"FARM_DIR", std::nullopt};
  Variable const no_state{"XDG_STATE_HOME", std::nullopt};
  CHECK(state_directory() == "/home/me/.local/state/farm");
  Variable const relative{"XDG_STATE_HOME", "state"};
  CHECK(state_directory() == "/home/me/.local/state/farm");
  Variable const state{"XDG_STATE_HOME", "/state"};
  CHECK(state_directory() == "/state/farm");
  Variable const directory{"FARM_DIR", "/srv/farm/"};
  CHECK(state_directory() == "/srv/farm");
  CHECK(state_directory("here/") == std::filesystem::current_path() / "here");
}

TEST_CASE("the command that starts a server names the directory only if it must") {
  Variable const directory{"FARM_DIR", "/srv/farm"};
  CHECK(serve_command("/srv/farm") == "farm serve");
  CHECK(serve_command("/srv/other") == "farm serve --dir /srv/other");
  CHECK(serve_command("/srv/it's here") == "farm serve --dir '/srv/it'\\''s here'");
}
