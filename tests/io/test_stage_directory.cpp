#include <farm/stage_directory.hpp>

#include "tests/support/catch.hpp"

#include <unistd.h>
#include <cstdlib>
#include <filesystem>
#include <fstream>

using farm::find_stage_directory;

TEST_CASE("the stage directory is the option's, else FARM_STAGE_DIR, else TMPDIR, else /tmp") {
  setenv("FARM_STAGE_DIR", "/stage", 1);
  setenv("TMPDIR", "/scratch", 1);
  CHECK(find_stage_directory("/given").path == "/given");
  CHECK(find_stage_directory().path == "/stage");
  CHECK(find_stage_directory().origin == "FARM_STAGE_DIR");
  setenv("FARM_STAGE_DIR", "", 1);
  CHECK(find_stage_directory().path == "/scratch");
  unsetenv("FARM_STAGE_DIR");
  unsetenv("TMPDIR");
  CHECK(find_stage_directory().path == "/tmp");
}

TEST_CASE("a stage directory is usable if files can be created in it") {
  std::filesystem::create_directory("here");
  std::ofstream{"file"} << "text";
  CHECK(farm::why_unusable("here").empty());
  CHECK(std::filesystem::is_empty("here"));
  CHECK(farm::why_unusable("absent") == "there is no such directory");
  CHECK(farm::why_unusable("file") == "it is not a directory");
  CHECK_THAT(farm::why_unusable("/proc"), contains("no file can be created there"));
  CHECK(farm::free_bytes("here") > 0);
  CHECK(farm::free_bytes("absent") == 0);
}

TEST_CASE("file systems are known by name") {
  CHECK(farm::file_system_of("/dev/shm") == "tmpfs");
  CHECK(farm::is_local_file_system("tmpfs"));
  CHECK_FALSE(farm::is_local_file_system("nfs"));
  CHECK(farm::file_system_of("absent").empty());
}
