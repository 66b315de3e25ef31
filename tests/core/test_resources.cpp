// Requests, sizes and lists of resources, as users write them.
#include "core/resources/memory_text.hpp"
#include "core/resources/request.hpp"
#include "core/resources/resource_list.hpp"

#include <farm/error.hpp>
#include <farm/memory_size.hpp>

#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

using namespace farm::detail;
using namespace farm::literals;

TEST_CASE("sizes of memory have units of 1024, in any case, and no negative or unreadable ones are taken") {
  CHECK(read_memory("1000") == 1000);
  CHECK(read_memory("2GiB") == 2_GiB);
  CHECK(read_memory("2g") == 2_GiB);
  CHECK(read_memory("1.5 GB") == 1536_MiB);
  CHECK(read_memory("512k") == 512_KiB);
  CHECK(read_memory("1TiB") == 1_TiB);
  for (auto const* const each : {"", "GiB", "-1", "2XiB", "2GiBs", "1e30", "nan", "inf", "1 G B"}) {
    CAPTURE(each);
    CHECK(!read_memory(each));
  }
  CHECK(memory_text(2_GiB) == "2 GiB");
  CHECK(memory_text(1536_MiB) == "1.5 GiB");
  CHECK(memory_text(100) == "100 bytes");
}

TEST_CASE("a list of resources has what hosts have, and named ones") {
  auto const told = read_resources("cores=16, gpus=4 memory=64GiB,licence=2", "test");
  CHECK(told.cores == 16);
  CHECK(told.gpus == 4);
  CHECK(told.memory == 64_GiB);
  CHECK(told.named == std::vector<NamedAmount>{{"licence", 2}});
  CHECK(!read_resources("", "test").cores);
  auto const why = [](char const* text) {
    return error_of<farm::UsageError>([&] { static_cast<void>(read_resources(text, "FARM_RESOURCES")); });
  };
  CHECK(why("gpus") == "FARM_RESOURCES: \"gpus\" is not of the form NAME=VALUE");
  CHECK(why("gpus=-1") == "FARM_RESOURCES: gpus is \"-1\": a number that is not negative is expected");
  CHECK(why("cores=0") == "FARM_RESOURCES: cores is \"0\": a number above 0 is expected");
  CHECK(why("licence=99999999999999999999") ==
        "FARM_RESOURCES: licence is \"99999999999999999999\", which is too large");
  CHECK(why("gpus=1 gpus=2") == "FARM_RESOURCES: gpus is given twice");
  CHECK(why("li(ence=2") == "FARM_RESOURCES: \"li(ence\" is not the name of a resource");
  CHECK(why("threads=2") == "FARM_RESOURCES: threads has an option of its own");
}

TEST_CASE("equal requests are kept once, and a request for ranks alone is not kept") {
  CHECK(keep_request({.ranks = 3}) == nullptr);
  auto const* const first = keep_request({.ranks = 3, .threads = 2});
  REQUIRE(first != nullptr);
  CHECK(keep_request({.ranks = 3, .threads = 2}) == first);
  CHECK(keep_request({.ranks = 3, .threads = 3}) != first);
  CHECK(to_text({.ranks = 2, .threads = 4, .gpus = 1, .memory = 2_GiB, .named = {{"licence", 1}}}) ==
        "2 ranks with 4 threads, 1 gpu and 2 GiB each, licence=1");
}
