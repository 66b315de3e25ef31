#include <farm/serialize.hpp>

#include <cereal/types/memory.hpp>

#include <array>
#include <chrono>
#include <cmath>
#include <complex>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "tests/support/catch.hpp"

using farm::pack;
using farm::SerializationError;
using farm::unpack;

namespace {

enum class Colour : std::uint16_t { red = 7, green = 65535 };

struct Point {
  double x = 0;
  std::vector<int> tags{};
  friend bool operator==(Point const&, Point const&) = default;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(x, tags);
  }
};

struct Empty {
  friend bool operator==(Empty const&, Empty const&) = default;
  template <class Archive>
  void serialize(Archive& /*archive*/) {}
};

class MoveOnly {
 public:
  MoveOnly() = default;
  explicit MoveOnly(int value) : value_(value) {}
  MoveOnly(MoveOnly&&) = default;
  MoveOnly& operator=(MoveOnly&&) = default;
  [[nodiscard]] int value() const { return value_; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(value_);
  }

 private:
  int value_ = 0;
};

struct Shape {
  Shape() = default;
  Shape(Shape const&) = delete;
  Shape& operator=(Shape const&) = delete;
  virtual ~Shape() = default;
  [[nodiscard]] virtual int corners() const = 0;
};

struct Polygon final : Shape {
  int count = 0;
  [[nodiscard]] int corners() const override { return count; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(count);
  }
};

template <class T>
bool survives(T const& value) {
  return unpack<T>(pack(value)) == value;
}

template <class T>
bool refuses(std::string_view bytes) {
  try {
    static_cast<void>(unpack<T>(bytes));
    return false;
  } catch (SerializationError const&) {
    return true;
  }
}

}  // namespace

CEREAL_REGISTER_TYPE_WITH_NAME(Polygon, "test_serialize::Polygon")
CEREAL_REGISTER_POLYMORPHIC_RELATION(Shape, Polygon)

TEST_CASE("numbers come back exactly") {
  CHECK(survives(true));
  CHECK(survives('x'));
  CHECK(survives(std::int8_t{-128}));
  CHECK(survives(std::numeric_limits<std::int64_t>::min()));
  CHECK(survives(std::numeric_limits<std::uint64_t>::max()));
  CHECK(survives(0.1F));
  CHECK(survives(std::numeric_limits<double>::denorm_min()));
  CHECK(survives(std::numeric_limits<double>::infinity()));
  CHECK(survives(1.0L / 3));
  CHECK(std::isnan(unpack<double>(pack(std::numeric_limits<double>::quiet_NaN()))));
  CHECK(survives(Colour::green));
  CHECK(survives(std::complex<double>{1.5, -2}));
  CHECK(survives(std::chrono::nanoseconds{-3}));
}

TEST_CASE("strings and containers come back, also empty and nested") {
  CHECK(survives(std::string{}));
  CHECK(survives(std::string("nul \0 inside", 12)));
  CHECK(survives(std::vector<double>{}));
  CHECK(survives(std::vector<double>(1000, 0.5)));
  CHECK(survives(std::vector<bool>{true, false, true, true}));
  CHECK(survives(std::vector<std::string>{"", "a", std::string(100, 'b')}));
  CHECK(survives(std::vector<std::vector<std::vector<int>>>{{}, {{1}, {}}, {{2, 3}}}));
  CHECK(survives(std::array<std::string, 2>{"a", "b"}));
  CHECK(survives(std::deque<int>{1, 2}));
  CHECK(survives(std::list<int>{1, 2}));
  CHECK(survives(std::map<std::string, std::vector<int>>{{"a", {1}}, {"b", {}}}));
  CHECK(survives(std::set<int>{3, 1, 2}));
  CHECK(survives(std::unordered_map<int, std::string>{{1, "a"}, {2, "b"}}));
  CHECK(survives(std::pair<int, std::string>{1, "a"}));
  CHECK(survives(std::tuple<int, std::string, std::tuple<>>{1, "a", {}}));
}

TEST_CASE("optional values and pointers come back as they were") {
  CHECK(survives(std::optional<std::string>{}));
  CHECK(survives(std::optional<std::string>{"here"}));
  CHECK(survives(std::variant<int, std::string>{"second"}));
  CHECK(survives(std::variant<std::monostate, int>{}));
  CHECK(unpack<std::unique_ptr<int>>(pack(std::unique_ptr<int>{})) == nullptr);
  CHECK(*unpack<std::unique_ptr<int>>(pack(std::make_unique<int>(5))) == 5);
  auto const shared = std::make_shared<int>(6);
  auto const both = unpack<std::vector<std::shared_ptr<int>>>(pack(std::vector{shared, shared}));
  CHECK(*both[0] == 6);
  CHECK(both[0] == both[1]);
}

TEST_CASE("user types come back") {
  CHECK(survives(Point{2.5, {1, 2, 3}}));
  CHECK(survives(std::vector<Point>(3, Point{1, {4}})));
  CHECK(survives(Empty{}));
  CHECK(unpack<MoveOnly>(pack(MoveOnly{9})).value() == 9);
  std::vector<MoveOnly> several;
  several.emplace_back(1);
  several.emplace_back(2);
  CHECK(unpack<std::vector<MoveOnly>>(pack(several)).at(1).value() == 2);

  auto polygon = std::make_unique<Polygon>();
  polygon->count = 6;
  std::unique_ptr<Shape> const shape = std::move(polygon);
  CHECK(unpack<std::unique_ptr<Shape>>(pack(shape))->corners() == 6);
}

TEST_CASE("several values are packed one after the other") {
  auto bytes = pack(1, std::string{"two"});
  farm::pack_into(bytes, 3.0);
  farm::UnpackArchive in{bytes};
  int one = 0;
  std::string two;
  double three = 0;
  in(one, two, three);
  CHECK(one == 1);
  CHECK(two == "two");
  CHECK(three == 3.0);
  CHECK(in.rest().empty());
}

TEST_CASE("each missing byte is noticed") {
  using Value = std::tuple<int, std::string, std::vector<double>, std::map<int, std::string>, std::optional<int>>;
  auto const bytes = pack(Value{1, "text", {1, 2}, {{3, "three"}}, 4});
  REQUIRE(unpack<Value>(bytes) == Value{1, "text", {1, 2}, {{3, "three"}}, 4});
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CAPTURE(size);
    CHECK(refuses<Value>(std::string_view{bytes}.substr(0, size)));
  }
}

TEST_CASE("an invalid size allocates nothing") {
  auto const bytes = pack(std::uint64_t{1} << 60U) + "some bytes";
  CHECK(refuses<std::string>(bytes));
  CHECK(refuses<std::vector<double>>(bytes));
  CHECK(refuses<std::vector<bool>>(bytes));
  CHECK(refuses<std::vector<std::string>>(bytes));
  CHECK(unpack<std::vector<Empty>>(pack(std::vector<Empty>(1000))).size() == 1000);
}

TEST_CASE("bytes left over are noticed") {
  CHECK(refuses<int>(pack(1) + "x"));
  CHECK(refuses<int>(pack(std::int64_t{1})));
  CHECK(refuses<Empty>("x"));
  CHECK(refuses<std::string>(pack(std::string{"a"}, 1)));
}

TEST_CASE("a small value takes few bytes") {
  CHECK(pack(1).size() == sizeof(int));
  CHECK(pack(std::vector<double>(10)).size() == sizeof(std::uint64_t) + 10 * sizeof(double));
}

TEST_CASE("types that cannot be serialized are detected at compile time") {
  struct Opaque {
    int* pointer;
  };
  STATIC_REQUIRE(farm::Serializable<std::vector<Point>>);
  STATIC_REQUIRE(farm::Serializable<MoveOnly>);
  STATIC_REQUIRE_FALSE(farm::Serializable<Opaque>);
}

namespace {

enum class Mode { fast, exact };

struct Grid {
  int n = 0;
  double spacing[2] = {};
};

struct Setup {
  std::string name;
  std::vector<Grid> grids;
  std::optional<Mode> mode;
  std::filesystem::path file;
  std::map<std::string, double> values;
  Grid last;
  std::unique_ptr<int> owned;
};

struct WithOwn {
  int sent = 0;
  int kept = 7;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(sent);
  }
};
struct HoldsOwn {
  WithOwn own;
};

struct WithPointer {
  int i = 0;
  int* p = nullptr;
};
struct HoldsPointer {
  WithPointer inner;
};
struct Derived : Grid {
  int more = 0;
};
struct Sixteen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;
};
struct Seventeen {
  int a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q;
};

}  // namespace

TEST_CASE("a plain struct travels without serialize(), whatever it holds") {
  Setup setup{.name = "cavity",
              .grids = {{.n = 3, .spacing = {0.5, 0.25}}, {}},
              .mode = Mode::exact,
              .file = "results/u.h5",
              .values = {{"re", 100.0}},
              .last = {.n = 9, .spacing = {1, 2}},
              .owned = std::make_unique<int>(5)};
  auto const copy = farm::unpack<Setup>(farm::pack(setup));
  CHECK(copy.name == "cavity");
  REQUIRE(copy.grids.size() == 2);
  CHECK(copy.grids[0].spacing[1] == 0.25);
  CHECK(copy.mode == Mode::exact);
  CHECK(copy.file == std::filesystem::path{"results/u.h5"});
  CHECK(copy.values.at("re") == 100.0);
  CHECK(copy.last.n == 9);
  CHECK(copy.last.spacing[0] == 1);
  CHECK(*copy.owned == 5);
  CHECK(farm::unpack<Sixteen>(farm::pack(Sixteen{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})).p == 16);
}

TEST_CASE("a struct with serialize() keeps it, also as a member of a plain struct") {
  auto const copy = farm::unpack<HoldsOwn>(farm::pack(HoldsOwn{{.sent = 3, .kept = 4}}));
  CHECK(copy.own.sent == 3);
  CHECK(copy.own.kept == 7);
}

TEST_CASE("structs with pointers, with bases and with too many members are refused") {
  STATIC_REQUIRE(farm::Serializable<Setup>);
  STATIC_REQUIRE(farm::Serializable<std::filesystem::path>);
  STATIC_REQUIRE(farm::Serializable<Sixteen>);
  STATIC_REQUIRE_FALSE(farm::Serializable<WithPointer>);
  STATIC_REQUIRE_FALSE(farm::Serializable<HoldsPointer>);
  STATIC_REQUIRE_FALSE(farm::Serializable<Derived>);
  STATIC_REQUIRE_FALSE(farm::Serializable<Seventeen>);
}
