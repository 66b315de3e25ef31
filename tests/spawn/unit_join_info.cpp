// The file that tells launched ranks where their master is.
#include "spawn/join/join_info.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using farm::detail::read_join_info;
using farm::detail::write_join_info;

namespace {

std::string refusal(std::string const& path) {
  return error_of<farm::SpawnError>([&] { static_cast<void>(read_join_info(path)); });
}

}  // namespace

TEST_CASE("join info is read as it was written, and no other user may read its file") {
  std::filesystem::remove("join_info");
  farm::detail::JoinInfo join_info;
  join_info.key[5] = 7;
  join_info.group = 3;
  join_info.addresses = {"10.0.0.1", "10.0.0.2"};
  join_info.ranks = 4;
  join_info.working_directory = "/some where";
  join_info.environment = {{"A", "b=c"}, {"LONG", std::string(200'000, 'x')}};
  join_info.arguments = {"map", "calc", ""};
  write_join_info(join_info, "join_info");
  auto const mode = std::filesystem::status("join_info").permissions();
  CHECK(mode == (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  auto const read = read_join_info("join_info");
  CHECK(read.key == join_info.key);
  CHECK(read.group == 3);
  CHECK(read.addresses == join_info.addresses);
  CHECK(read.ranks == 4);
  CHECK(read.working_directory == "/some where");
  CHECK(read.environment == join_info.environment);
  CHECK(read.arguments == join_info.arguments);
}

TEST_CASE("join info is not written to a file or link that exists") {
  std::ofstream{"taken"} << "mine";
  CHECK_THAT(error_of<farm::SpawnError>([] { write_join_info({}, "taken"); }), contains("taken cannot be written"));
  std::filesystem::remove("link");
  std::filesystem::create_symlink("elsewhere", "link");
  CHECK_THAT(error_of<farm::SpawnError>([] { write_join_info({}, "link"); }), contains("link cannot be written"));
  CHECK(!std::filesystem::exists("elsewhere"));
}

TEST_CASE("a file that is no join info, or that others may read, is refused in one line") {
  CHECK_THAT(refusal("not there"), contains("cannot read not there") && contains("FARM_STAGE_DIR"));
  std::filesystem::remove("bad");
  std::ofstream{"bad"} << "farmbrt3 and then nothing valid";
  std::filesystem::permissions("bad", std::filesystem::perms::owner_all);
  CHECK_THAT(refusal("bad"), contains("was not written by a master"));
  std::filesystem::remove("open");
  write_join_info({}, "open");
  std::filesystem::permissions("open", std::filesystem::perms::group_read, std::filesystem::perm_options::add);
  CHECK_THAT(refusal("open"), contains("others may read it"));
}

TEST_CASE("the path of a join file is short if need be, even if that of the stage directory is long") {
  auto const path = farm::detail::join_file_path(1);
  CHECK(farm::detail::short_join_file_path(1, path.size()) == path);
  auto const shorter = farm::detail::short_join_file_path(1, path.size() - 1);
  CHECK(shorter.size() <= 60);
  write_join_info({}, path);
  CHECK_NOTHROW(read_join_info(shorter));
  std::filesystem::remove(path);
}
