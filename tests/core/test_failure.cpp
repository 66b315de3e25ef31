#include "core/base/failure.hpp"
#include "core/text/exception_text.hpp"

#include <farm/detail/log.hpp>

#include <any>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <future>
#include <ios>
#include <memory>
#include <new>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <typeinfo>
#include <variant>
#include <vector>

#include "tests/support/catch.hpp"

using farm::Error;
using farm::TaskError;
using namespace farm::detail;

namespace {

/// Returns the exception that the caller gets if `f` throws on a rank.
template <class F>
std::exception_ptr travelled(F f) {
  farm::Bytes bytes;
  try {
    f();
  } catch (...) {
    bytes = farm::pack(current_failure());
  }
  return make_exception(farm::unpack<Failure>(bytes), {.task = 3, .rank = 1, .ranks = 2, .host = "node7"});
}

template <class T>
bool is_caught_as(std::exception_ptr const& error) {
  try {
    std::rethrow_exception(error);
  } catch (T const&) {
    return true;
  } catch (...) {
    return false;
  }
}

template <class T, class Use>
void with(std::exception_ptr const& error, Use use) {
  try {
    std::rethrow_exception(error);
  } catch (T const& e) {
    use(e);
    return;
  } catch (...) {
  }
  FAIL("it is not of this type");
}

template <class T>
void check_standard(std::string const& name, T const& original) {
  CAPTURE(name);
  auto const error = travelled([&] { throw original; });
  CHECK(is_caught_as<T>(error));
  CHECK(is_caught_as<std::exception>(error));
  CHECK(is_caught_as<Error>(error));
  with<TaskError>(error, [&](TaskError const& e) {
    CHECK(e.task() == 3);
    CHECK(e.rank() == 1);
    CHECK(e.ranks() == 2);
    CHECK(e.host() == "node7");
    CHECK(e.type() == name);
    CHECK(e.text() == original.what());
    CHECK(e.what() == "task 3, rank 1 of 2 on node7: " + name + ": " + original.what());
  });
  with<T>(error, [&](T const& e) { CHECK_THAT(e.what(), contains(original.what())); });
  with<std::exception>(error, [&](std::exception const& e) { CHECK_THAT(e.what(), contains("node7")); });
  with<Error>(error, [&](Error const& e) { CHECK_THAT(e.what(), contains("node7")); });
}

class SolverDiverged : public std::runtime_error {
  using runtime_error::runtime_error;
};

struct OnlyAnException : std::exception {
  [[nodiscard]] char const* what() const noexcept override { return "plain"; }
};

struct NoException {};

struct NullWhat : std::exception {
  [[nodiscard]] char const* what() const noexcept override { return nullptr; }
};

enum class Reason { solver = 7, large = 100'000 };

class OwnCategory final : public std::error_category {
 public:
  [[nodiscard]] char const* name() const noexcept override { return "own"; }
  [[nodiscard]] std::string message(int /*code*/) const override { return "own message"; }
};
OwnCategory const own_category;

}  // namespace

TEST_CASE("a standard exception arrives as the same type, as a TaskError, as an Error and as a std::exception") {
  check_standard("std::logic_error", std::logic_error{"text"});
  check_standard("std::invalid_argument", std::invalid_argument{"text"});
  check_standard("std::domain_error", std::domain_error{"text"});
  check_standard("std::length_error", std::length_error{"text"});
  check_standard("std::out_of_range", std::out_of_range{"text"});
  check_standard("std::runtime_error", std::runtime_error{"text"});
  check_standard("std::range_error", std::range_error{"text"});
  check_standard("std::overflow_error", std::overflow_error{"text"});
  check_standard("std::underflow_error", std::underflow_error{"text"});
  check_standard("std::exception", std::exception{});
  check_standard("std::bad_alloc", std::bad_alloc{});
  check_standard("std::bad_array_new_length", std::bad_array_new_length{});
  check_standard("std::bad_cast", std::bad_cast{});
  check_standard("std::bad_any_cast", std::bad_any_cast{});
  check_standard("std::bad_typeid", std::bad_typeid{});
  check_standard("std::bad_exception", std::bad_exception{});
  check_standard("std::bad_function_call", std::bad_function_call{});
  check_standard("std::bad_optional_access", std::bad_optional_access{});
  check_standard("std::bad_variant_access", std::bad_variant_access{});
  check_standard("std::bad_weak_ptr", std::bad_weak_ptr{});
  check_standard("std::system_error", std::system_error{std::make_error_code(std::errc::io_error), "text"});
  check_standard("std::future_error", std::future_error{std::future_errc::broken_promise});
  check_standard("std::filesystem::filesystem_error",
                 std::filesystem::filesystem_error{"text", "/some/path",
                                                   std::make_error_code(std::errc::no_such_file_or_directory)});
  check_standard("std::ios_base::failure", std::ios_base::failure{"text"});
  check_standard("std::regex_error", std::regex_error{std::regex_constants::error_brack});
}

TEST_CASE("an exception that the library throws arrives as well") {
  CHECK(is_caught_as<std::out_of_range>(travelled([] { static_cast<void>(std::string{}.at(1)); })));
  CHECK(is_caught_as<std::filesystem::filesystem_error>(
      travelled([] { static_cast<void>(std::filesystem::file_size("/no/such/file")); })));
  with<std::regex_error>(travelled([] { std::regex const bad{"["}; }),
                         [](std::regex_error const& e) { CHECK(e.code() == std::regex_constants::error_brack); });
}

TEST_CASE("an invalid error code still makes an error") {
  auto failure = [] {
    try {
      throw std::regex_error{std::regex_constants::error_brack};
    } catch (...) {
      return current_failure();
    }
  }();
  for (std::int32_t const code : {-1, 1000, 83886082}) {
    failure.exception.code = code;
    CHECK(is_caught_as<std::regex_error>(make_exception(failure, {.task = 1, .rank = 0, .ranks = 1})));
  }
}

TEST_CASE("a type is caught as its bases, but not as their other derived types") {
  auto const error = travelled([] { throw std::out_of_range{"text"}; });
  CHECK(is_caught_as<std::logic_error>(error));
  CHECK_FALSE(is_caught_as<std::runtime_error>(error));
  CHECK_FALSE(is_caught_as<std::invalid_argument>(error));
}

TEST_CASE("an error code arrives") {
  with<std::system_error>(travelled([] {
                            throw std::system_error{ENOSPC, std::system_category(), "writing"};
                          }),
                          [](std::system_error const& e) {
                            CHECK(e.code() == std::errc::no_space_on_device);
                            CHECK(e.code().category() == std::system_category());
                            CHECK_THAT(e.what(), contains("writing: No space left on device"));
                          });
  with<std::system_error>(travelled([] {
                            throw std::filesystem::filesystem_error{"x", std::make_error_code(std::errc::io_error)};
                          }),
                          [](std::system_error const& e) { CHECK(e.code() == std::errc::io_error); });
  with<std::future_error>(travelled([] { throw std::future_error{std::future_errc::no_state}; }),
                          [](std::future_error const& e) { CHECK(e.code() == std::future_errc::no_state); });
}

TEST_CASE("an error code of an unknown category is not mistaken for one of a known category") {
  auto const thrown = [] { throw std::system_error{ENOSPC, own_category, "x"}; };
  with<std::system_error>(travelled(thrown), [&](std::system_error const& e) {
    CHECK(e.code().value() == ENOSPC);
    CHECK(e.code() != std::errc::no_space_on_device);
    CHECK(e.code().category().name() == std::string{"own"});
    CHECK_THAT(e.what(), contains("x: own message"));
    with<std::system_error>(travelled(thrown),
                            [&](std::system_error const& other) { CHECK(other.code() == e.code()); });
  });
}

TEST_CASE("a user's type keeps its name, and arrives as its standard base") {
  auto const error = travelled([] { throw SolverDiverged{"at step 5"}; });
  CHECK(is_caught_as<std::runtime_error>(error));
  with<TaskError>(error, [](TaskError const& e) {
    CHECK_THAT(e.type(), contains("SolverDiverged"));
    CHECK(e.text() == "at step 5");
  });
  auto const plain = travelled([] { throw OnlyAnException{}; });
  CHECK(is_caught_as<TaskError>(plain));
  CHECK(is_caught_as<std::exception>(plain));
  CHECK_FALSE(is_caught_as<std::runtime_error>(plain));
  with<TaskError>(plain, [](TaskError const& e) { CHECK(e.text() == "plain"); });
}

TEST_CASE("an object that is not a std::exception arrives as a runtime_error with its type and its value") {
  auto const error = travelled([] { throw 42; });
  CHECK(is_caught_as<std::runtime_error>(error));
  CHECK(is_caught_as<Error>(error));
  with<TaskError>(error, [](TaskError const& e) {
    CHECK(e.type() == "int");
    CHECK(e.text() == "42");
    CHECK(e.what() == std::string{"task 3, rank 1 of 2 on node7: int: 42"});
  });
  auto const text_of_thrown = [](auto const& thrown) {
    std::string text;
    with<TaskError>(travelled([&] { throw thrown; }), [&](TaskError const& e) { text = e.text(); });
    return text;
  };
  CHECK(text_of_thrown(-7L) == "-7");
  CHECK(text_of_thrown(std::uint8_t{200}) == "200");
  CHECK(text_of_thrown(true) == "true");
  CHECK(text_of_thrown('x') == "x");
  CHECK(text_of_thrown(1.5) == "1.5");
  CHECK(text_of_thrown(std::string{"disk full"}) == "disk full");
  CHECK(text_of_thrown(std::string_view{"disk full"}) == "disk full");
  CHECK(text_of_thrown(static_cast<char const*>("disk full")) == "disk full");
  CHECK(text_of_thrown(static_cast<char const*>(nullptr)) == "a null pointer");
  CHECK(text_of_thrown(Reason::solver) == "7");
  CHECK(text_of_thrown(Reason::large) == "100000 (read as an int)");
  CHECK(text_of_thrown(std::make_error_code(std::errc::io_error)) == "Input/output error (generic:5)");
  static std::runtime_error const pointed_at{"by pointer"};
  CHECK(text_of_thrown(&pointed_at) == "by pointer");
  with<TaskError>(travelled([] { throw Reason::solver; }),
                  [](TaskError const& e) { CHECK_THAT(e.type(), contains("Reason")); });
  with<TaskError>(travelled([] { throw NoException{}; }), [](TaskError const& e) {
    CHECK_THAT(e.type(), contains("NoException"));
    CHECK(e.text() == "not a std::exception");
  });
}

TEST_CASE("an exception whose what() is null is reported by its type") {
  auto const error = travelled([] { throw NullWhat{}; });
  CHECK(is_caught_as<std::exception>(error));
  with<TaskError>(error, [](TaskError const& e) {
    CHECK_THAT(e.type(), contains("NullWhat"));
    CHECK_THAT(e.what(), contains("NullWhat: its what() is null"));
  });
  CHECK_THAT(text_of(NullWhat{}), contains("NullWhat, whose what() is null"));
  try {
    throw NullWhat{};
  } catch (...) {
    CHECK_THAT(current_serialization_error("it was not packed").what(),
               contains("it was not packed: ") && contains("NullWhat, whose what() is null"));
    log_current_exception("a test, as is expected");
  }
  try {
    throw 42;
  } catch (...) {
    CHECK(current_serialization_error("it was not packed").what() == std::string{"it was not packed: int: 42"});
  }
}

TEST_CASE("nested exceptions arrive, each as its type") {
  auto const error = travelled([] {
    try {
      try {
        throw 42;
      } catch (...) {
        std::throw_with_nested(std::out_of_range{"no row 7"});
      }
    } catch (...) {
      std::throw_with_nested(SolverDiverged{"at step 5"});
    }
  });
  CHECK(is_caught_as<std::runtime_error>(error));
  with<TaskError>(error, [](TaskError const& e) {
    CHECK_THAT(e.type(), contains("SolverDiverged") && !contains("ested"));
    CHECK(e.text() == "at step 5");
    CHECK(e.causes() == std::vector<std::string>{"std::out_of_range: no row 7", "int: 42"});
    CHECK_THAT(e.what(), contains(": at step 5; caused by std::out_of_range: no row 7; caused by int: 42"));
  });
  with<std::exception>(error, [](std::exception const& outer) {
    try {
      std::rethrow_if_nested(outer);
      FAIL("nothing is nested");
    } catch (std::out_of_range const& middle) {
      CHECK_THAT(middle.what(), contains("std::out_of_range: no row 7; caused by int: 42"));
      CHECK(dynamic_cast<TaskError const*>(&middle) != nullptr);
      CHECK_THROWS_WITH(std::rethrow_if_nested(middle), contains("int: 42"));
    }
  });
  auto const again = travelled([&] { std::rethrow_exception(error); });  // through a farm within a farm
  with<TaskError>(again, [](TaskError const& e) { CHECK(e.causes().size() == 2); });
}

TEST_CASE("an exception without a nested one has none at the caller either") {
  with<std::exception>(travelled([] { std::throw_with_nested(std::runtime_error{"no handler is active"}); }),
                       [](std::exception const& e) { CHECK_NOTHROW(std::rethrow_if_nested(e)); });
  with<std::exception>(travelled([] { throw std::runtime_error{"plain"}; }),
                       [](std::exception const& e) { CHECK_NOTHROW(std::rethrow_if_nested(e)); });
}

TEST_CASE("a class that is no std::exception brings its cause too, and a long chain is cut") {
  with<TaskError>(travelled([] {
                    try {
                      throw std::domain_error{"inner"};
                    } catch (...) {
                      std::throw_with_nested(NoException{});
                    }
                  }),
                  [](TaskError const& e) {
                    CHECK_THAT(e.type(), contains("NoException"));
                    CHECK(e.causes() == std::vector<std::string>{"std::domain_error: inner"});
                  });
  auto const nest = [](auto const& self, int depth) -> void {
    if (depth == 0) throw std::domain_error{"innermost"};
    try {
      self(self, depth - 1);
    } catch (...) {
      std::throw_with_nested(std::domain_error{"outer"});
    }
  };
  with<TaskError>(travelled([&] { nest(nest, 200); }), [](TaskError const& e) {
    CHECK(e.text() == "outer");
    CHECK(e.causes().size() == 64);
  });
}

TEST_CASE("errors of the farm that a task itself causes keep their type") {
  auto const stage = travelled([] { throw farm::StageError{"disk full"}; });
  CHECK(is_caught_as<farm::StageError>(stage));
  CHECK(is_caught_as<TaskError>(stage));
  CHECK(is_caught_as<Error>(stage));
  CHECK(is_caught_as<std::runtime_error>(stage));
  CHECK(is_caught_as<std::exception>(stage));
  with<farm::StageError>(stage, [](farm::StageError const& e) {
    CHECK(e.what() == std::string{"task 3, rank 1 of 2 on node7: farm::StageError: disk full"});
  });
  CHECK(is_caught_as<farm::SerializationError>(travelled([] { throw farm::SerializationError{"x"}; })));
  CHECK(is_caught_as<farm::UsageError>(travelled([] { throw farm::UsageError{"x"}; })));
  CHECK(is_caught_as<std::invalid_argument>(travelled([] { throw farm::UsageError{"x"}; })));
}

TEST_CASE("an error of a farm that the task runs is not an error of this farm") {
  auto const error = travelled([] { throw farm::GroupLost{"inner"}; });
  CHECK_FALSE(is_caught_as<farm::GroupLost>(error));
  CHECK(is_caught_as<std::runtime_error>(error));
  with<TaskError>(error, [](TaskError const& e) { CHECK(e.type() == "farm::GroupLost"); });
}

TEST_CASE("an error that is a TaskError already keeps its original type and text") {
  auto const inner = travelled([] { throw std::domain_error{"deep"}; });
  auto const outer = travelled([&] { std::rethrow_exception(inner); });
  CHECK(is_caught_as<std::domain_error>(outer));
  with<TaskError>(outer, [](TaskError const& e) {
    CHECK(e.type() == "std::domain_error");
    CHECK(e.text() == "deep");
    CHECK(e.what() == std::string{"task 3, rank 1 of 2 on node7: std::domain_error: deep"});
  });
}
