#include <farm/detail/text_codec.hpp>

#include "tests/support/catch.hpp"

#include <cmath>
#include <limits>
#include <memory>

using namespace farm::detail;

namespace {

template <class T>
T read(std::string_view text) {
  T value{};
  TextCodec<T>::read(read_text(text), value);
  return value;
}

template <class T>
std::string text_of(T const& value) {
  return to_text(TextCodec<T>::show(value));
}

template <class T>
std::string json_of(T const& value) {
  return to_json(TextCodec<T>::show(value));
}

enum class Colour : std::uint8_t { red, green };

}  // namespace

TEST_CASE("numbers are read within the range of their type") {
  CHECK(read<int>("-7") == -7);
  CHECK(read<int>("1e6") == 1'000'000);
  CHECK(read<int>("007") == 7);
  CHECK(read<std::uint8_t>("255") == 255);
  CHECK(read<std::int64_t>("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(read<std::uint64_t>("18446744073709551615") == std::numeric_limits<std::uint64_t>::max());
  CHECK_THROWS_AS(read<std::uint8_t>("256"), TextMismatch);
  CHECK_THROWS_AS(read<unsigned>("-1"), TextMismatch);
  CHECK_THROWS_AS(read<std::int64_t>("9223372036854775808"), TextMismatch);
  CHECK_THROWS_AS(read<std::int64_t>("1e30"), TextMismatch);
  CHECK_THROWS_AS(read<int>("1.5"), TextMismatch);
  CHECK_THROWS_AS(read<int>("true"), TextMismatch);
  CHECK_THROWS_AS(read<int>("\"1\""), TextMismatch);
  CHECK_THROWS_AS(read<int>(""), TextMismatch);
  CHECK_THROWS_AS(read<bool>("1"), TextMismatch);
  CHECK(read<Colour>("1") == Colour::green);
}

TEST_CASE("doubles are read in every form that people write") {
  CHECK(read<double>("2") == 2.0);
  CHECK(read<double>(".5") == 0.5);
  CHECK(read<double>("+1e-3") == 1e-3);
  CHECK(std::isinf(read<double>("-inf")));
  CHECK(std::isnan(read<double>("nan")));
  CHECK_THROWS_AS(read<double>("1,5"), TextMismatch);
  CHECK_THROWS_AS(read<double>("\"1\""), TextMismatch);
}

TEST_CASE("a value that is shown and read again is the same") {
  using Nested = std::vector<std::tuple<int, std::optional<double>, std::string>>;
  Nested const value{{1, 2.5, "a \"b\""}, {-1, std::nullopt, "\t"}};
  CHECK(json_of(value) == R"([[1,2.5,"a \"b\""],[-1,null,"\t"]])");
  CHECK(text_of(value) == R"([(1, 2.5, "a \"b\""), (-1, null, "\t")])");
  CHECK(read<Nested>(json_of(value)) == value);
  CHECK(read<std::vector<bool>>("[true,false]") == std::vector<bool>{true, false});
  CHECK(read<std::array<int, 2>>("[1,2]") == std::array{1, 2});
  CHECK_THROWS_AS((read<std::array<int, 2>>("[1,2,3]")), TextMismatch);
  CHECK(read<std::complex<double>>("[1,-1]") == std::complex<double>{1, -1});
  CHECK(read<std::map<std::string, int>>(R"({"a":1})") == std::map<std::string, int>{{"a", 1}});
  CHECK_THROWS_AS((read<std::map<std::string, int>>("[1]")), TextMismatch);
}

TEST_CASE("values are shown in the shortest text that reads back as the same value") {
  CHECK(text_of(0.1f) == "0.1");
  CHECK(json_of(0.1f) == "0.1");
  CHECK(text_of(1.0 / 3) == "0.3333333333333333");
  CHECK(text_of(std::string{"plain"}) == "plain");
  CHECK(text_of(std::tuple<>{}) == "()");
  CHECK(json_of(std::numeric_limits<double>::infinity()) == "null");
  CHECK(text_of(std::uint8_t{7}) == "7");
  CHECK(json_of(std::string{"\xff"}) == "\"\xef\xbf\xbd\"");
}

TEST_CASE("type names tell a person what to type") {
  CHECK(TextCodec<std::vector<double>>::name() == "list of double");
  CHECK(TextCodec<std::tuple<int, std::string>>::name() == "(int, string)");
  CHECK(TextCodec<long>::name() == "int64");
  CHECK(TextCodec<std::uint16_t>::name() == "uint16");
  CHECK(TextCodec<std::unique_ptr<int>>::name() == "bytes");
  CHECK_FALSE(Readable<std::unique_ptr<int>>);
  CHECK_FALSE(Readable<std::vector<std::unique_ptr<int>>>);
}
