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
  CHECK(text_of(std::uint8_t{7}) == "7");
}

TEST_CASE("numbers that are not finite are strings in JSON, and words in text") {
  constexpr auto infinity = std::numeric_limits<double>::infinity();
  std::vector<double> const values{infinity, -infinity, -std::nan(""), -0.0};
  CHECK(json_of(values) == R"(["inf","-inf","nan",-0.0])");
  CHECK(text_of(values) == "[inf, -inf, nan, -0]");
  for (auto const& text : {json_of(values), text_of(values)}) {
    auto const again = read<std::vector<double>>(text);
    CHECK(json_of(again) == json_of(values));
    CHECK(std::signbit(again[3]));
  }
  CHECK(std::isinf(read<float>("\"-inf\"")));
  CHECK(json_of(-std::numeric_limits<float>::infinity()) == "\"-inf\"");
  CHECK_THROWS_AS(read<int>("\"inf\""), TextMismatch);
  CHECK(read<std::tuple<int, double>>("(1, .5)") == std::tuple{1, 0.5});
}

TEST_CASE("numbers are read within the range of their floating point type") {
  CHECK(read<float>("3.4028235e38") == std::numeric_limits<float>::max());
  CHECK_THROWS_AS(read<float>("3.41e38"), TextMismatch);
  CHECK_THROWS_AS(read<double>("1e309"), TextMismatch);
  CHECK_THROWS_AS(read<double>("-.1e310"), TextMismatch);
  CHECK_THROWS_AS(read<std::vector<double>>("[1e309]"), TextMismatch);
  CHECK(read<double>("1e-999") == 0);
  CHECK(read<double>("+.1e-999") == 0);
  CHECK(read<double>(" 0x1p-3 ") == 0.125);
  CHECK_THROWS_AS(read<double>("--1"), TextMismatch);
  CHECK_THROWS_AS(read<double>("1e"), TextMismatch);
}

TEST_CASE("a string that is not UTF-8 is its bytes in base64, and any other string is itself") {
  std::string all;
  for (int i = 0; i < 256; ++i) {
    all += static_cast<char>(i);
    CAPTURE(i);
    CHECK(read<std::string>(json_of(all)) == all);
    auto const end = all.substr(static_cast<std::size_t>(i));
    CHECK(read<std::string>(json_of(end)) == end);
  }
  CHECK(json_of(std::string{"\xff\xfe"}) == R"({"base64":"//4="})");
  CHECK(json_of(std::string{"a\0b", 3}) == R"("a\u0000b")");
  for (std::string const valid : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbb\xbf"})
    CHECK(json_of(valid) == '"' + valid + '"');
  for (std::string const invalid : {"\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x28\xa1", "\x80"}) {
    CHECK_THAT(json_of(invalid), contains("base64"));
    CHECK(read<std::string>(json_of(invalid)) == invalid);
  }
  CHECK_THROWS_AS(read<std::string>(R"({"base64":"/"})"), TextMismatch);
  CHECK_THROWS_AS(read<std::string>(R"({"base64":"a","b":1})"), TextMismatch);
  std::map<std::string, int> const map{{"\xfe", 1}, {"\xff", 2}};
  CHECK(json_of(map) == R"([[{"base64":"/g=="},1],[{"base64":"/w=="},2]])");
  for (auto const& text : {json_of(map), text_of(map)}) CHECK(read<std::map<std::string, int>>(text) == map);
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
