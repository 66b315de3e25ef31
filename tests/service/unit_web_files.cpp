#include "spawn/service/web/embedded_files.hpp"
#include "spawn/service/web/page.hpp"
#include "tests/support/catch.hpp"

#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace {

using farm::detail::embedded_files;
using farm::detail::web_file;

std::string text_of(std::string const& path) {
  auto const file = web_file(path);
  REQUIRE(file);
  return std::string{file->bytes};
}

TEST_CASE("the page is at the root, with the headers that keep it safe") {
  auto const page = web_file("/");
  REQUIRE(page);
  CHECK(page->type == "text/html; charset=utf-8");
  CHECK(page->bytes.substr(0, 15) == "<!doctype html>");
  auto const policy = page->headers.at("Content-Security-Policy");
  CHECK(policy.find("default-src 'none'") != std::string::npos);
  CHECK(policy.find("script-src 'self';") != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(page->headers.at("X-Content-Type-Options") == "nosniff");
}

TEST_CASE("the files of the page are the ones in the sources, byte for byte") {
  REQUIRE(embedded_files().size() > 10);
  for (auto const& [name, bytes] : embedded_files()) {
    CAPTURE(name);
    std::ifstream file{FARM_SOURCE_DIR "/spawn/service/web/" + std::string{name}, std::ios::binary};
    CHECK(std::string{std::istreambuf_iterator<char>{file}, {}} == bytes);
    CHECK(web_file('/' + std::string{name})->bytes == bytes);
  }
}

TEST_CASE("nothing but the files of the page is served") {
  for (auto const* path :
       {"", "index.html", "/nothing.js", "/../page.js", "/./page.js", "//", "/page.hpp", "/README.md"}) {
    CAPTURE(path);
    CHECK_FALSE(web_file(path));
  }
}

TEST_CASE("the page is small, and all that it names is there") {
  std::size_t size = 0;
  std::regex const import{R"re((?:from '\./|href="|src=")([a-z_]+\.(?:js|css))['"])re"};
  for (auto const& [name, bytes] : embedded_files()) {
    size += bytes.size();
    std::string const text{bytes};
    for (std::sregex_iterator found{text.begin(), text.end(), import}, end; found != end; ++found) {
      CAPTURE(name, (*found)[1].str());
      CHECK(web_file('/' + (*found)[1].str()));
    }
  }
  CHECK(size < 150'000);
}

TEST_CASE("texts of others enter the page as text only") {
  for (auto const& [name, bytes] : embedded_files()) {
    CAPTURE(name);
    std::string const text{bytes};
    for (auto const* word :
         {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "style=", "onclick=\""})
      CHECK(text.find(word) == std::string::npos);
    if (name.ends_with(".js")) CHECK(text.find("http:") == text.find("http://www.w3.org/2000/svg"));
    if (name.ends_with(".css")) CHECK(text.find("url(") == std::string::npos);
  }
  CHECK(text_of("/").find("<script>") == std::string::npos);
}

}  // namespace
