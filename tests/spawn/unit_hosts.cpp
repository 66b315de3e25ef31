// Which hosts there are, and how groups are placed on them.
#include "spawn/hosts/host_lists.hpp"
#include "spawn/hosts/hosts.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using farm::detail::SlotMap;

namespace {

std::string text_of(std::vector<farm::detail::HostSlots> const& hosts) {
  std::string text;
  for (auto const& host : hosts) text += fmt::format("{}:{} ", host.name, host.slots);
  return text;
}

std::string parsed(std::string const& text) { return text_of(farm::detail::parse_hosts(text, "FARM_HOSTS")); }

SlotMap map_of(std::string const& hosts) {
  return SlotMap{{.hosts = farm::detail::parse_hosts(hosts, "test"), .limited = true, .origin = "test", .remedy = {}}};
}

}  // namespace

TEST_CASE("hosts are named with their slots, one where no number stands, and named twice they have both") {
  CHECK(parsed("a:4,b") == "a:4 b:1 ");
  CHECK(parsed(" node-1.example:2 , 10.0.0.7:3") == "node-1.example:2 10.0.0.7:3 ");
  CHECK(parsed("a,a:2,a") == "a:4 ");
  CHECK(parsed("n[08-10,2]:2,m") == "n08:2 n09:2 n10:2 n2:2 m:1 ");
}

TEST_CASE("hosts that cannot be are refused, with the place where they are named") {
  for (std::string const text : {"", "a,,b", "a:", "a[1-", "a[3-1]", "a[x]", "a]", "[]", "a:0", "a:-1", "a:x",
                                 "a:4294967297", "-x", "a b", "a=b", ":3"}) {
    CAPTURE(text);
    CHECK_THAT(error_of<farm::UsageError>([&] { parsed(text); }), contains("FARM_HOSTS: "));
  }
}

TEST_CASE("hostfiles are those of mpiexec") {
  std::ofstream{"hostfile"} << "# all of them\n\nnodeA slots=4 max_slots=8\n  nodeB   # one\nnodeC:3\r\n";
  CHECK(text_of(farm::detail::read_hostfile("hostfile")) == "nodeA:4 nodeB:1 nodeC:3 ");
  std::ofstream{"hostfile"} << "nodeA\nnodeB slots=no\n";
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(farm::detail::read_hostfile("hostfile")); }),
             contains("hostfile:2: no slots for nodeB"));
  std::ofstream{"hostfile"} << "# none\n";
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(farm::detail::read_hostfile("hostfile")); }),
             contains("names no host"));
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(farm::detail::read_hostfile("no file")); }),
             contains("cannot be read"));
}

TEST_CASE("host files may be written as Open MPI, MPICH and Slurm do") {
  struct {
    char const* text;
    char const* hosts;
  } const cases[] = {
      {"a slots = 4\nb slots= 2 max_slots = 8\n", "a:4 b:2 "},
      {"a slots=4 max-slots=8 # four\r\nb cpu=2\r\n", "a:4 b:2 "},
      {"a:4 binding=user:0,1\nb:2 ifhn=b-ib\nc\n", "a:4 b:2 c:1 "},
      {"node[01-03]\nlogin\n", "node01:1 node02:1 node03:1 login:1 "},
      {"node[01-02,5] slots=8\n", "node01:8 node02:8 node5:8 "},
      {"\xef\xbb\xbf"
       "a:2\n# none\n\t\n",
       "a:2 "},
      {"a\nb\na\na", "a:3 b:1 "},
  };
  for (auto const& each : cases) {
    CAPTURE(each.text);
    std::ofstream{"hostfile"} << each.text;
    CHECK(text_of(farm::detail::read_hostfile("hostfile")) == each.hosts);
  }
}

TEST_CASE("a word in a host file that is not understood is an error with its line") {
  for (std::string const text : {"a 4", "a slot=4", "a slots 4", "a slots=", "a slots=4x", "a:", ":4", "a:x", "slots=4",
                                 "a max_slots", "a,b", "= 4", "a slots=4 b slots=4", "-a", "a[1-", "a:4:5:x"}) {
    CAPTURE(text);
    std::ofstream{"hostfile"} << "# first\nz\n" << text << "\n";
    CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(farm::detail::read_hostfile("hostfile")); }),
               contains("hostfile:3: "));
  }
  CHECK_THAT(error_of<farm::UsageError>([] { static_cast<void>(farm::detail::read_hostfile(".")); }),
             contains("cannot be read"));
}

TEST_CASE("Slurm's counts are read, and others refused") {
  CHECK(farm::detail::parse_counts("8(x2),4", "X") == std::vector{8, 8, 4});
  CHECK(farm::detail::parse_counts("1", "X") == std::vector{1});
  for (std::string const text : {"", "8(x", "8(x0)", "(x2)", "8,", "8(x9999999)", "a"}) {
    CAPTURE(text);
    CHECK_THAT(error_of<farm::SpawnError>([&] { static_cast<void>(farm::detail::parse_counts(text, "X")); }),
               contains("cannot be understood"));
  }
}

TEST_CASE("a group is on one host where it fits there, on the fullest that has room") {
  auto map = map_of("a:4,b:2,c:4");
  CHECK(to_text(map.take({.ranks = 2})) == "b:2");
  CHECK(to_text(map.take({.ranks = 3})) == "a:3");
  CHECK(to_text(map.take({.ranks = 1})) == "a:1");
  CHECK(to_text(map.take({.ranks = 4})) == "c:4");
  CHECK(!map.has_room({.ranks = 1}));
}

TEST_CASE("a group that fits on no host is spread over as few as possible, and no slot is used twice") {
  auto map = map_of("a:4,b:2,c:3");
  CHECK(to_text(map.take({.ranks = 6})) == "a:4, c:2");
  CHECK(map.has_room({.ranks = 3}));
  CHECK(!map.has_room({.ranks = 4}));
  auto const last = map.take({.ranks = 3});
  CHECK(to_text(last) == "b:2, c:1");
  map.give_back(last, {.ranks = 3});
  CHECK(to_text(map.take({.ranks = 1})) == "c:1");
}

TEST_CASE("nothing is placed on hosts that are lost, or that a pool does not name") {
  auto map = map_of("a:4,b:2");
  CHECK(map.total() == 6);
  CHECK(map.total({"b"}) == 2);
  CHECK(!map.has_room({.ranks = 3}, {"b"}));
  CHECK(map.lose("a"));
  CHECK(!map.lose("a"));
  CHECK(!map.lose("x"));
  CHECK(map.total() == 2);
  CHECK(!map.has_room({.ranks = 3}));
  CHECK(to_text(map.take({.ranks = 2})) == "b:2");
  CHECK(map.lost() == std::vector<std::string>{"a"});
}

TEST_CASE("the environment says which hosts there are, FARM_HOSTS before FARM_HOSTFILE") {
  std::ofstream{"hosts_of_file"} << "f:3\n";
  setenv("FARM_HOSTFILE", "hosts_of_file", 1);
  CHECK(text_of(farm::detail::find_hosts().hosts) == "f:3 ");
  setenv("FARM_HOSTS", "a:2", 1);
  CHECK(text_of(farm::detail::find_hosts().hosts) == "a:2 ");
  unsetenv("FARM_HOSTS");
  unsetenv("FARM_HOSTFILE");
  CHECK(!farm::detail::find_hosts().limited);
}

TEST_CASE("hosts of the same name in different domains are different hosts") {
  farm::detail::Placement const placement{{"w.1.net", 1}, {"w.2.net", 1}, {"v.1.net", 1}, {"u", 1}};
  CHECK(farm::detail::find_host(placement, "w.2.net") == "w.2.net");
  CHECK(farm::detail::find_host(placement, "w.3.net").empty());
  CHECK(farm::detail::find_host(placement, "w").empty());  // nobody can tell which
  CHECK(farm::detail::find_host(placement, "v") == "v.1.net");
  CHECK(farm::detail::find_host(placement, "u.1.net") == "u");
  auto map = map_of("w.1.net:2,w.2.net:3");
  CHECK(map.lose("w.2.net"));
  CHECK(map.total() == 2);
  CHECK(to_text(map.take({.ranks = 2})) == "w.1.net:2");
  CHECK(farm::detail::have_same_short_name(farm::detail::parse_hosts("w.1.net,v,w.2.net", "test")));
  CHECK(!farm::detail::have_same_short_name(farm::detail::parse_hosts("w.1.net,v,10.0.0.1,10.0.0.2", "test")));
}

TEST_CASE("a group has ranks in one component of a heterogeneous job only") {
  SlotMap map{{.hosts = {{"a", 2, 0}, {"b", 3, 1}, {"c", 1, 1}}, .limited = true, .origin = "test", .remedy = {}}};
  CHECK(map.total() == 6);
  CHECK(map.largest_group() == 4);
  CHECK(!map.has_room({.ranks = 5}));
  CHECK(to_text(map.take({.ranks = 4})) == "b:3, c:1");
  CHECK(map.has_room({.ranks = 2}));
  CHECK(!map.has_room({.ranks = 3}));
}

TEST_CASE("a host may be in several components of a job") {
  SlotMap map{{.hosts = {{"a", 2, 0}, {"a", 3, 1}}, .limited = true, .origin = "test", .remedy = {}}};
  auto const group = map.take({.ranks = 3});
  CHECK(group.front().component == 1);
  map.give_back(group, {.ranks = 3});
  CHECK(map.take({.ranks = 2}).front().component == 0);
  CHECK(map.has_room({.ranks = 3}));
  CHECK(map.lose("a"));
  CHECK(map.total() == 0);
}

TEST_CASE("this host is known by its names") {
  CHECK(farm::detail::is_this_host("localhost"));
  CHECK(farm::detail::is_this_host("127.0.0.1"));
  CHECK(!farm::detail::is_this_host("nosuchhost.example"));
}
