#include <farm/detail/call.hpp>

#include <cereal/types/memory.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <future>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/support/catch.hpp"

using farm::TaskContext;
using farm::UsageError;
using farm::detail::Call;

namespace {

/// Makes the call as a rank does, which finds the invoker by its address and has only the bytes.
template <class F, class... As>
auto run(F const& f, As const&... arguments) {
  using C = Call<std::decay_t<F>, As...>;
  auto const payload = C::make(f, arguments...);
  TaskContext context{7, 2, 1, 3};
  farm::detail::RankContext rank_context{.context = &context};
  auto const invoke = reinterpret_cast<farm::detail::Invoker>(const_cast<void*>(farm::resolve(C::address())));
  farm::Bytes result;
  invoke(payload, rank_context, &result);
  using Result = std::decay_t<typename C::Result>;
  if constexpr (std::is_void_v<Result>) {
    CHECK(result.empty());
  } else {
    return farm::unpack<Result>(result);
  }
}

int twice(int i) { return 2 * i; }
int twice_noexcept(int i) noexcept { return 2 * i; }
double half(double x) { return x / 2; }
int calls = 0;
void count_call() { ++calls; }
std::string greet(std::string_view name, char const* mark) { return "hello " + std::string{name} + mark; }
double sum(std::span<double const> values) {
  double result = 0;
  for (double const value : values) result += value;
  return result;
}
std::unique_ptr<int> next_of(std::unique_ptr<int> value) { return std::make_unique<int>(*value + 1); }
std::vector<bool> inverted(std::vector<bool> const& bits) {
  auto result = bits;
  result.flip();
  return result;
}
std::string const& the_static_text() {
  static std::string const text = "static";
  return text;
}

struct Scale {
  std::vector<double> factors{};
  double operator()(double x) const {
    for (double const factor : factors) x *= factor;
    return x;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(factors);
  }
};

struct Counter {
  int count = 0;
  int operator()(int step) { return count += step; }
};

struct Overloaded {
  int operator()(int i) const { return i; }
  std::string operator()(std::string const& text) const { return text + "!"; }
};

struct NoexceptObject {
  int operator()(int i) const noexcept { return i + 1; }
};

struct Owner {
  int number = 5;
  [[nodiscard]] auto by_this() const {
    return [this](int i) { return i + number; };
  }
};

struct ByView {
  std::string_view text;
  int operator()(int i) const { return text[0] + i; }
};

struct ByText {
  char const* text;
  int operator()(int i) const { return text[0] + i; }
};

struct [[gnu::packed]] PackedPointer {
  char letter;
  int* pointer;
  int operator()(int i) const { return letter + (pointer != nullptr ? *pointer : 0) + i; }
};
static_assert(sizeof(PackedPointer) == 1 + sizeof(int*));

/// A class whose version cereal writes once per archive.
struct Versioned {
  int value = 0;
  int operator()(Versioned const& a, Versioned const& b) const { return 100 * value + 10 * a.value + b.value; }
  template <class Archive>
  void serialize(Archive& archive, std::uint32_t const /*version*/) {
    archive(value);
  }
};

}  // namespace

CEREAL_CLASS_VERSION(Versioned, 3)

TEST_CASE("free functions are called") {
  CHECK(run(twice, 21) == 42);
  CHECK(run(&twice, 21) == 42);
  CHECK(run(twice_noexcept, 21) == 42);
  calls = 0;
  run(count_call);
  CHECK(calls == 1);
}

TEST_CASE("lambdas are called, with their captures") {
  CHECK(run([](int i) { return i + 1; }, 1) == 2);
  CHECK(run([] { return 5; }) == 5);
  int offset = 10;
  double factor = 0.5;
  std::array<int, 3> const table{7, 8, 9};
  CHECK(run([offset, factor, table](int i) { return factor * (offset + table.at(static_cast<std::size_t>(i))); }, 2) ==
        9.5);
  CHECK(run([offset](int i) mutable { return offset + i; }, 1) == 11);
  CHECK(run([offset](int i) noexcept { return offset + i; }, 1) == 11);
  CHECK(run([nothing = static_cast<int*>(nullptr)] { return nothing == nullptr; }));
}

TEST_CASE("function objects are called, with their state") {
  CHECK(run(Scale{{2, 3}}, 1.5) == 9);
  CHECK(run(Counter{40}, 2) == 42);
  CHECK(run(NoexceptObject{}, 1) == 2);
}

TEST_CASE("each call gets its own copy of the function object") {
  Counter const counter{1};
  CHECK(run(counter, 1) == 2);
  CHECK(run(counter, 1) == 2);
}

TEST_CASE("a call without state and with small arguments takes few bytes") {
  auto const f = [](int i) { return i; };
  CHECK(Call<decltype(f), int>::make(f, 1).size() == sizeof(int));
}

TEST_CASE("generic and overloaded functions are called with the given arguments") {
  CHECK(run([](auto a, auto const& b) { return a + b; }, 1, 0.5) == 1.5);
  CHECK(run([](auto&& text) { return text + "!"; }, std::string{"a"}) == "a!");
  CHECK(run([](auto& text) { return text += "!"; }, std::string{"a"}) == "a!");
  CHECK(run([](auto text) { return std::string{text} + "!"; }, "literal") == "literal!");
  CHECK(run([](auto... values) { return (values + ... + 0); }, 1, 2, 3) == 6);
  CHECK(run([](auto value) { return *value; }, std::make_unique<int>(4)) == 4);
  CHECK(run([](auto value, TaskContext& context) { return value + context.rank(); }, 1) == 2);
  CHECK(run(Overloaded{}, 1) == 1);
  CHECK(run(Overloaded{}, std::string{"a"}) == "a!");
}

TEST_CASE("parameters may be values and references of each kind") {
  std::string const text = "text";
  CHECK(run([](std::string s) { return s + "1"; }, text) == "text1");
  CHECK(run([](std::string const s) { return s + "1"; }, text) == "text1");
  CHECK(run([](std::string const& s) { return s + "1"; }, text) == "text1");
  CHECK(run([](std::string& s) { return s += "1"; }, text) == "text1");
  CHECK(run([](std::string&& s) { return std::move(s) + "1"; }, text) == "text1");
  CHECK(text == "text");
}

TEST_CASE("parameters that are views refer to the unpacked argument") {
  CHECK(run(greet, std::string{"you"}, "!") == "hello you!");
  CHECK(run(greet, "you", std::string{"!"}) == "hello you!");
  CHECK(run(greet, std::string_view{"you"}, "!") == "hello you!");
  CHECK(run([](std::string_view const& view) { return view.size(); }, "four") == 4);
  CHECK(run([](char const* const& pointer) { return std::string{pointer}; }, "four") == "four");
  CHECK(run(sum, std::vector<double>{1, 2, 3}) == 6);
  CHECK(run(sum, std::array<double, 2>{1, 2}) == 3);
  std::vector<double> const values{1, 2, 3};
  CHECK(run(sum, std::span<double const>{values}.subspan(1)) == 5);
  CHECK(run([](std::span<double const> const& span) { return span.size(); }, values) == 3);
}

TEST_CASE("arguments are converted as a call converts them") {
  CHECK(run(half, 5) == 2.5);
  CHECK(run([](std::string const& s) { return s; }, "literal") == "literal");
  CHECK(run([](std::optional<int> i) { return i.value_or(0); }, 3) == 3);
  CHECK(run([](long i) { return i; }, short{3}) == 3);
}

TEST_CASE("arguments and results may be move-only") {
  CHECK(*run(next_of, std::make_unique<int>(4)) == 5);
  CHECK(run([](std::unique_ptr<int>&& p) { return *p; }, std::make_unique<int>(4)) == 4);
  CHECK(run([](std::unique_ptr<int> const& p) { return *p; }, std::make_unique<int>(4)) == 4);
}

TEST_CASE("results may be references to objects that stay alive") { CHECK(run(the_static_text) == "static"); }

TEST_CASE("containers travel, std::vector<bool> too") {
  CHECK(run(inverted, std::vector<bool>{true, false}) == std::vector<bool>{false, true});
  CHECK(run([](std::vector<bool> bits) { return bits.size(); }, std::vector<bool>(100)) == 100);
  CHECK(run([](std::map<std::string, std::tuple<int, double>> m) { return m; },
            std::map<std::string, std::tuple<int, double>>{{"a", {1, 2.5}}})
            .at("a") == std::tuple{1, 2.5});
}

TEST_CASE("the context is bound at any position among the parameters") {
  CHECK(run([](TaskContext& c, int a, int b) { return std::tuple{c.task(), a, b}; }, 1, 2) == std::tuple{7U, 1, 2});
  CHECK(run([](int a, TaskContext& c, int b) { return std::tuple{c.attempt(), a, b}; }, 1, 2) == std::tuple{2U, 1, 2});
  CHECK(run(
            [](int a, int b, TaskContext const& c) {
              return std::tuple{c.ranks(), a, b};
            },
            1, 2) == std::tuple{3, 1, 2});
  CHECK(run([](TaskContext c) { return c.rank(); }) == 1);
}

TEST_CASE("exceptions of the function come through") {
  CHECK_THROWS_AS(run([](int) -> int { throw std::out_of_range{"x"}; }, 1), std::out_of_range);
  CHECK_THROWS_AS(run([] { throw 42; }), int);
}

TEST_CASE("a result that is not wanted is not packed") {
  auto const f = [](int i) { return i; };
  using C = Call<decltype(f), int>;
  farm::detail::RankContext rank_context{};
  CHECK_NOTHROW(C::invoke(C::make(f, 1), rank_context, nullptr));
}

TEST_CASE("bytes that are not of this call are refused") {
  auto const f = [](int i, std::string const& s) { return s.size() + static_cast<std::size_t>(i); };
  using C = Call<decltype(f), int, std::string>;
  auto const bytes = C::make(f, 1, "text");
  farm::detail::RankContext rank_context{};
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    CHECK_THROWS_AS(C::invoke(std::string_view{bytes}.substr(0, size), rank_context, nullptr),
                    farm::SerializationError);
  }
  CHECK_THROWS_AS(C::invoke(bytes + "x", rank_context, nullptr), farm::SerializationError);
}

TEST_CASE("several objects with class versions travel in one call") {
  CHECK(run(Versioned{1}, Versioned{2}, Versioned{3}) == 123);
}

TEST_CASE("shared arguments stay shared") {
  auto const shared = std::make_shared<int>(1);
  CHECK(run([](std::shared_ptr<int> const& a, std::shared_ptr<int> const& b) { return a == b && *a == 1; }, shared,
            shared));
}

TEST_CASE("a captured reference to a local variable is refused") {
  int local = 5;
  auto const refused = [](auto const& f) {
    CHECK_THROWS_AS(run(f, 1), UsageError);
    CHECK_THROWS_WITH(run(f, 1), contains("local variable") && contains("give the value as an argument"));
  };
  refused([&local](int i) { return i + local; });
  refused([pointer = &local](int i) { return i + *pointer; });
  refused([number = 1.5, &local, c = 'c'](int i) { return number + i + local + c; });
  CHECK(run([local](int i) { return i + local; }, 1) == 6);
}

TEST_CASE("a captured reference to a local variable is refused on every thread") {
  bool refused = false;
  std::thread{[&refused] {
    int local = 5;
    try {
      run([&local](int i) { return i + local; }, 1);
    } catch (UsageError const&) {
      refused = true;
    }
  }}.join();
  CHECK(refused);
}

TEST_CASE("a captured pointer into the program is refused") {
  CHECK_THROWS_WITH(run([f = &twice](int i) { return f(i); }, 1), contains("pointer to a function"));
  CHECK_THROWS_WITH(run([text = "literal"](int i) { return text[i]; }, 1), contains("string literal"));
  CHECK_THROWS_WITH(run([text = std::string_view{"literal"}] { return text.size(); }), contains("string literal"));
}

TEST_CASE("a captured address of memory that was allocated is refused") {
  auto const refused = [](auto const& f) {
    CHECK_THROWS_AS(run(f, 1), UsageError);
    CHECK_THROWS_WITH(run(f, 1), contains("captures") && contains("give the value as an argument") &&
                                     contains("capture it by value") && contains("serialize()"));
  };
  auto const number = std::make_unique<int>(5);
  auto const owner = std::make_unique<Owner>();
  std::vector<double> const small(10, 1.0);
  std::vector<double> const large(1'000'000, 1.0);  // in pages of its own
  std::string const word = "a word that does not fit into the string object itself";
  refused([&value = *number](int i) { return i + value; });
  refused([pointer = number.get()](int i) { return i + *pointer; });
  refused([past_the_end = small.data() + small.size()](int i) { return past_the_end == nullptr ? 0 : i; });
  refused(owner->by_this());
  refused([values = std::span<double const>{small}](int i) { return values[0] + i; });
  refused([values = std::span<double const>{large}.subspan(1000)](int i) { return values[0] + i; });
  refused(ByView{word});
  refused(ByText{word.c_str()});
  refused([begin = small.begin(), end = small.end()](int i) { return end - begin + i; });
  refused([start = 1.5, text = std::string_view{word}, c = 'c'](int i) { return start + c + text[0] + i; });
  CHECK(run([view = std::string_view{}](int i) { return view.empty() ? i : 0; }, 1) == 1);
}

TEST_CASE("a captured address that lies at any byte of a packed object is refused") {
  int local = 5;
  auto const number = std::make_unique<int>(5);
  CHECK_THROWS_WITH(run(PackedPointer{'a', number.get()}, 1), contains("captures"));
  CHECK_THROWS_WITH(run(PackedPointer{'a', &local}, 1), contains("local variable"));
  CHECK_THROWS_WITH(run([packed = PackedPointer{'a', number.get()}](int i) { return packed(i); }, 1),
                    contains("captures"));
  CHECK(run(PackedPointer{'a', nullptr}, 1) == 'b');
}

TEST_CASE("a captured address in another thread's stack is refused") {
  std::promise<int*> address;
  std::promise<void> end;
  std::thread thread{[&] {
    int local = 5;
    address.set_value(&local);
    end.get_future().wait();
  }};
  CHECK_THROWS_WITH(run([pointer = address.get_future().get()](int i) { return i + *pointer; }, 1),
                    contains("captures"));
  end.set_value();
  thread.join();
}

TEST_CASE("what a program captures by value is not mistaken for addresses, whatever its bits are") {
  auto const large = std::make_unique<std::vector<double>>(32'000'000);  // most pages are only reserved
#ifdef __SANITIZE_THREAD__
  constexpr unsigned most = 15'000;  // the sanitizer has mapped what two larger numbers beside each other would address
#else
  constexpr unsigned most = 20'000;
#endif
  std::mt19937_64 numbers{12345};
  for (int i = 0; i < 1000; ++i) {
    std::mt19937 const generator{static_cast<unsigned>(i)};  // words of 64 bits that hold 32
    CHECK(run([generator] { return generator == std::mt19937{}; }) == (generator == std::mt19937{}));
    double const x = std::ldexp(static_cast<double>(numbers()), static_cast<int>(numbers() % 1900) - 950);
    CHECK(run([x, zero = 0.0] { return x + zero; }) == x);
    auto const hash = numbers();
    CHECK(run([hash, zero = std::uint64_t{0}] { return hash + zero; }) == hash);
    auto const word = static_cast<int>(numbers() % most);
    CHECK(run([i, word] { return i + word; }) == i + word);
    CHECK(run([x, i] { return x + i; }) == x + i);  // the object has four bytes of padding
  }
}

TEST_CASE("the padding of a function object is not sent") {
  auto const packed = [](double x, int n) {
    auto const f = [x, n] { return x + n; };
    return Call<decltype(f)>::make(f);
  };
  auto const spoil_stack = [](unsigned char value) {
    volatile unsigned char bytes[512];
    for (auto& byte : bytes) byte = value;
  };
  spoil_stack(0xaa);
  auto const first = packed(1.5, 7);
  spoil_stack(0x55);
  CHECK(packed(1.5, 7) == first);
  CHECK(first.substr(12, 4) == std::string(4, '\0'));
}

TEST_CASE("captured numbers are not mistaken for addresses") {
  for (std::uint64_t const number :
       {std::uint64_t{0}, std::uint64_t{4096}, std::uint64_t{0x400000}, ~std::uint64_t{0}}) {
    CHECK(run([number] { return number; }) == number);
  }
  CHECK(run([x = 1e300, y = -0.0, z = 3.14] { return x + y + z; }) == 1e300);
}
