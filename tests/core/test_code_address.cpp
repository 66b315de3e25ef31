#include <farm/detail/code_address.hpp>
#include <farm/error.hpp>

#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/catch.hpp"

using farm::build_id_of_file;
using farm::code_address;
using farm::CodeAddress;
using farm::resolve;
using farm::UsageError;

namespace {

int first(int i) { return i + 1; }
int second(int i) { return i + 2; }

template <class F>
void const* pointer_to(F* f) {
  return reinterpret_cast<void const*>(f);
}

/// A library that is loaded as long as this object lives.
class Plugin {
 public:
  explicit Plugin(char const* path) : handle_(dlopen(path, RTLD_NOW | RTLD_LOCAL)) { REQUIRE(handle_ != nullptr); }
  Plugin(Plugin const&) = delete;
  Plugin& operator=(Plugin const&) = delete;
  ~Plugin() { dlclose(handle_); }
  [[nodiscard]] void const* function() const { return dlsym(handle_, "plugin_answer"); }

 private:
  void* handle_;
};

int call(void const* function) { return reinterpret_cast<int (*)()>(const_cast<void*>(function))(); }

std::string const this_program = std::filesystem::read_symlink("/proc/self/exe");

}  // namespace

TEST_CASE("a function is found again by its address") {
  CHECK(resolve(code_address(pointer_to(&first))) == pointer_to(&first));
  CHECK(resolve(code_address(pointer_to(&second))) == pointer_to(&second));
  auto const again = reinterpret_cast<int (*)(int)>(const_cast<void*>(resolve(code_address(pointer_to(&second)))));
  CHECK(again(1) == 3);
}

TEST_CASE("functions of one program share its module and differ in their offsets") {
  auto const a = code_address(pointer_to(&first));
  auto const b = code_address(pointer_to(&second));
  CHECK(a.module == b.module);
  CHECK(a.module != 0);
  CHECK(a.offset != b.offset);
  CHECK(a == code_address(pointer_to(&first)));
}

TEST_CASE("an address in another build is refused") {
  auto address = code_address(pointer_to(&first));
  ++address.module;
  CHECK_THROWS_AS(resolve(address), UsageError);
  CHECK_THROWS_WITH(resolve(address), contains("another build"));
  CHECK_THROWS_AS(resolve(CodeAddress{}), UsageError);
}

TEST_CASE("an address outside of its module is refused") {
  auto address = code_address(pointer_to(&first));
  address.offset = std::uint64_t{1} << 40U;
  CHECK_THROWS_AS(resolve(address), UsageError);
  address.offset = ~std::uint64_t{0} - 4096;  // before the module, by wrapping around
  CHECK_THROWS_AS(resolve(address), UsageError);
}

TEST_CASE("data outside of every module has no code address") {
  int local = 0;
  CHECK_THROWS_AS(code_address(&local), UsageError);
  CHECK_THROWS_AS(code_address(nullptr), UsageError);
}

TEST_CASE("a library that is loaded where another one was is not taken for that one") {
  CodeAddress first_address;
  void const* place = nullptr;
  {
    Plugin const first{FARM_PLUGIN_1};
    place = first.function();
    first_address = code_address(place);
    CHECK(call(resolve(first_address)) == 1);
  }
  Plugin const second{FARM_PLUGIN_2};
  REQUIRE(second.function() == place);  // the system maps it into the gap that the first one left
  auto const second_address = code_address(place);
  CHECK(second_address.offset == first_address.offset);
  CHECK(second_address.module != first_address.module);
  CHECK(call(resolve(second_address)) == 2);
  CHECK_THROWS_WITH(resolve(first_address), contains("not loaded the library"));
}

TEST_CASE("a library that is loaded again, elsewhere, is found there") {
  CodeAddress address;
  void const* place = nullptr;
  {
    Plugin const first{FARM_PLUGIN_1};
    place = first.function();
    address = code_address(place);
    CHECK(resolve(address) == place);
  }
  CHECK_THROWS_AS(resolve(address), UsageError);
  CHECK_THROWS_AS(code_address(place), UsageError);
  Plugin const in_its_place{FARM_PLUGIN_2};
  Plugin const first{FARM_PLUGIN_1};
  CHECK(resolve(address) == first.function());
  CHECK(resolve(address) != place);
  CHECK(call(resolve(address)) == 1);
  CHECK(code_address(first.function()) == address);
}

TEST_CASE("the build-id of a file is read without running the file") {
  CHECK(farm::program_build_id().size() >= 16);
  CHECK(build_id_of_file(this_program) == farm::program_build_id());
  CHECK(build_id_of_file("/proc/self/exe") == farm::program_build_id());
}

TEST_CASE("a file that is not a program has no build-id") {
  auto const path = std::filesystem::temp_directory_path() / "farm_test_code_address";
  auto const write = [&](std::string const& text) { std::ofstream{path, std::ios::binary} << text; };
  write("just some text, longer than the header of a program, so that there is something to look at\n");
  CHECK(build_id_of_file(path).empty());
  write("");
  CHECK(build_id_of_file(path).empty());
  std::ifstream program{this_program, std::ios::binary};
  std::string start(100, '\0');
  REQUIRE(program.read(start.data(), 100));
  write(start);  // only the header of a program
  CHECK(build_id_of_file(path).empty());
  std::filesystem::remove(path);
  CHECK(build_id_of_file(path).empty());
  CHECK(build_id_of_file(std::filesystem::temp_directory_path()).empty());
}
