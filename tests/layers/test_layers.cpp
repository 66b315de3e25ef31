#include "tests/layers/cycles.hpp"
#include "tests/layers/layers.hpp"
#include "tests/layers/source_text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/error_of.hpp"

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace {

using Lines = std::vector<std::string>;

Lines const none;

char const* const floors_text = R"(
core/base   # the lowest
core/future
io/files io/stage
spawn/wire
core/base: list
)";

// A tree of files in the current directory, which is empty when the tests start.
class Tree {
 public:
  explicit Tree(std::vector<std::pair<std::string, std::string>> const& files) {
    remove_all(root_);
    for (auto const& [path, text] : files) {
      create_directories((root_ / path).parent_path());
      std::ofstream{root_ / path} << text;
    }
  }
  Lines violations(layers::Limits const& limits = {}) const {
    return layers::find_violations(root_, layers::read_floors(floors_text), limits);
  }

 private:
  std::filesystem::path root_ = std::filesystem::current_path() / "tree";
};

std::pair<std::string, std::string> const list{"core/include/farm/list.hpp", "namespace farm { struct List {}; }"};

}  // namespace

TEST_CASE("a tree whose includes all point downwards has no violation") {
  Tree const tree{{list,
                   {"core/base/log.hpp", "#include <farm/list.hpp>\n#include <vector>\n"},
                   {"core/base/log.cpp", "#include \"core/base/log.hpp\"\n"},
                   {"core/future/wait.cpp", "#include \"core/base/log.hpp\"\n"},
                   {"spawn/wire/stream.cpp", "#include \"core/base/log.hpp\"\n#include <asio.hpp>\n"}}};
  CHECK(tree.violations() == none);
}

TEST_CASE("an include of a higher folder is found") {
  Tree const tree{{list, {"core/base/log.cpp", "\n#include \"core/future/wait.hpp\"\n"}, {"core/future/wait.hpp", ""}}};
  CHECK(tree.violations() ==
        Lines{"core/base/log.cpp:2: includes core/future/wait.hpp: core/future is above core/base"});
}

TEST_CASE("an include of a higher component is found") {
  Tree const tree{{list, {"io/files/hash.cpp", "#include \"spawn/wire/ring.hpp\"\n"}, {"spawn/wire/ring.hpp", ""}}};
  CHECK(tree.violations() == Lines{"io/files/hash.cpp:1: includes spawn/wire/ring.hpp: spawn/wire is above io/files"});
}

TEST_CASE("an include of another folder on the same floor is found") {
  Tree const tree{{list, {"io/files/hash.cpp", "#include \"io/stage/image.hpp\"\n"}, {"io/stage/image.hpp", ""}}};
  CHECK(tree.violations() == Lines{"io/files/hash.cpp:1: includes io/stage/image.hpp: io/stage is beside io/files"});
}

TEST_CASE("a public header belongs to the folder of its source") {
  Tree const tree{{list,
                   {"core/include/farm/wait.hpp", ""},
                   {"core/future/wait.cpp", "#include <farm/wait.hpp>\n"},
                   {"core/include/farm/log.hpp", "#include <farm/wait.hpp>\n"},
                   {"core/base/log.cpp", ""}}};
  CHECK(tree.violations() ==
        Lines{"core/include/farm/log.hpp:1: includes farm/wait.hpp: core/future is above core/base"});
}

TEST_CASE("a public header without a source has to be listed") {
  Tree const tree{{list, {"core/include/farm/detail/other.hpp", ""}}};
  REQUIRE(tree.violations().size() == 1);
  CHECK_THAT(tree.violations().front(), contains("core/include/farm/detail/other.hpp: 0 sources of this name in core"));
}

TEST_CASE("what floors.txt lists has to exist, and to agree with the sources") {
  CHECK(Tree{{{"core/base/log.cpp", ""}}}.violations() ==
        Lines{"floors.txt: core/base: there is no public header core/list; remove it from the list"});
  CHECK(Tree{{list, {"core/future/list.cpp", ""}}}.violations() ==
        Lines{"floors.txt: core/list is listed in core/base, but its source is in core/future"});
}

TEST_CASE("a folder that floors.txt does not list is found") {
  Tree const tree{{list, {"core/new/thing.cpp", ""}}};
  CHECK(tree.violations() ==
        Lines{"core/new/thing.cpp: floors.txt does not list the folder core/new; add it on its floor"});
}

TEST_CASE("an include that leaves the components is found") {
  Tree const tree{{list, {"core/base/log.cpp", "#include \"tests/support/catch.hpp\"\n#include <farm/none.hpp>\n"}}};
  CHECK(tree.violations() == Lines{"core/base/log.cpp:1: tests/support/catch.hpp is not a header of core, io or spawn",
                                   "core/base/log.cpp:2: farm/none.hpp is not a header of core, io or spawn"});
}

TEST_CASE("a cycle among the units of one folder is found and printed") {
  Tree const tree{{list,
                   {"core/base/a.hpp", "#include \"core/base/b.hpp\"\n"},
                   {"core/base/a.cpp", "#include \"core/base/a.hpp\"\n"},
                   {"core/base/b.hpp", ""},
                   {"core/base/b.cpp", "\n\n#include \"core/base/a.hpp\"\n"}}};
  CHECK(tree.violations() == Lines{"cycle of 2 units: core/base/a -> (core/base/a.hpp:1) core/base/b -> "
                                   "(core/base/b.cpp:3) core/base/a"});
}

TEST_CASE("the shortest cycle of each knot is found") {
  layers::Graph const graph{{"a", {{"b", ""}}},
                            {"b", {{"c", ""}}},
                            {"c", {{"a", ""}, {"d", ""}}},
                            {"d", {{"c", ""}, {"x", ""}}},
                            {"x", {{"y", ""}}},
                            {"y", {{"z", ""}}},
                            {"z", {{"x", ""}}}};
  CHECK(layers::find_cycles(graph) == std::vector<Lines>{{"c", "d"}, {"x", "y", "z"}});
}

TEST_CASE("a graph without cycles has none, whatever its paths share") {
  layers::Graph const graph{{"a", {{"b", ""}, {"c", ""}}}, {"b", {{"d", ""}}}, {"c", {{"d", ""}}}};
  CHECK(layers::find_cycles(graph).empty());
}

TEST_CASE("a folder with too many files is found; public folders may hold more") {
  Tree const tree{{list,
                   {"core/include/farm/detail/list.hpp", ""},
                   {"core/base/a.cpp", ""},
                   {"core/base/a.hpp", ""},
                   {"core/base/b.cpp", ""},
                   {"core/base/README.md", ""}}};
  CHECK(tree.violations({.folder = 3, .public_folder = 1}) == none);
  CHECK(tree.violations({.folder = 2, .public_folder = 0}) ==
        Lines{"core/base: 3 sources and headers, but 2 at most are allowed; divide the folder",
              "core/include/farm/detail: 1 sources and headers, but 0 at most are allowed; divide the folder",
              "core/include/farm: 1 sources and headers, but 0 at most are allowed; divide the folder"});
}

TEST_CASE("a public header that declares farm::detail only has to move to farm/detail") {
  Tree const tree{
      {list, {"core/include/farm/log.hpp", "namespace farm::detail { void log(); }"}, {"core/base/log.cpp", ""}}};
  CHECK(tree.violations() ==
        Lines{"core/include/farm/log.hpp: declares farm::detail only; move it to core/include/farm/detail"});
}

TEST_CASE("forward declarations, comments and other namespaces do not make a header public") {
  CHECK(layers::declares_detail_only("namespace farm::detail { int f(); }"));
  CHECK(layers::declares_detail_only("#pragma once\nnamespace farm { namespace detail { struct S { int x; }; } }"));
  CHECK(layers::declares_detail_only(R"(
    namespace farm {
    class Future;
    template <class T, class U = int> class Array;
    enum class Kind : int;
    namespace detail { inline void f() { if (true) { } } }
    }  // namespace farm
    namespace std { template <> struct hash<int> {}; }
    /* int global; */ // struct S {};
  )"));
}

TEST_CASE("a class, a function, an alias or a macro makes a header public") {
  for (char const* declaration : {"namespace farm { class Pool { int x; }; }", "namespace farm { int f(); }",
                                  "namespace farm { using X = int; }", "#define FARM_TASK(f) f", "int main();"}) {
    CAPTURE(declaration);
    CHECK_FALSE(layers::declares_detail_only(std::string("namespace farm::detail { int g(); }\n") + declaration));
  }
  CHECK_FALSE(layers::declares_detail_only("#include <farm/pool.hpp>\n"));
}

TEST_CASE("includes in comments and literals are not read") {
  auto const includes = layers::includes_in(R"x(// #include "a.hpp"
/*
#include "b.hpp"
*/
#include "c.hpp"  // why
char const* text = "/*";
int million = 1'000'000; char quote = '"';
  # include <d.hpp>
char const* raw = R"(
#include "e.hpp"
)";
#include "f.hpp"
)x");
  REQUIRE(includes.size() == 3);
  CHECK(includes[0].name == "c.hpp");
  CHECK(includes[0].line == 5);
  CHECK(includes[0].quoted);
  CHECK(includes[1].name == "d.hpp");
  CHECK_FALSE(includes[1].quoted);
  CHECK(includes[2].name == "f.hpp");
  CHECK(includes[2].line == 12);
}

TEST_CASE("floors.txt may name each folder once only") {
  CHECK(error_of([] { layers::read_floors("core/base\ncore/base\n"); }) == "floors.txt: core/base appears twice");
  CHECK(error_of([] { layers::read_floors("core/base: list\n"); }) == "floors.txt: no floor has the folder core/base");
}
