// StreamStates alone: each change of a standard stream is noticed by itself, and restored.
#include "spawn/isolation/stream_states.hpp"

#include "tests/support/catch.hpp"

#include <functional>
#include <iostream>
#include <locale>
#include <string>
#include <utility>
#include <vector>

using farm::detail::StreamStates;

namespace {

struct Comma final : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
};

using Change = std::pair<std::string, std::function<void(std::ios&)>>;

std::vector<Change> const changes{
    {"flags", [](std::ios& s) { s.setf(std::ios::hex, std::ios::basefield); }},
    {"precision", [](std::ios& s) { s.precision(3); }},
    {"width", [](std::ios& s) { s.width(9); }},
    {"fill", [](std::ios& s) { s.fill('#'); }},
    {"state", [](std::ios& s) { s.setstate(std::ios::eofbit); }},
    {"exceptions", [](std::ios& s) { s.exceptions(std::ios::badbit); }},
    {"tie", [](std::ios& s) { s.tie(s.tie() == &std::clog ? nullptr : &std::clog); }},
    {"locale",
     [](std::ios& s) {
       s.imbue(std::locale{s.getloc(), new Comma});
     }},
};

}  // namespace

TEST_CASE("each change of a standard stream is noticed and restored") {
  StreamStates states;
  states.restore();  // another test may have read stdin to its end
  REQUIRE_FALSE(states.have_changed());
  for (auto* const stream : std::initializer_list<std::ios*>{&std::cout, &std::cerr, &std::clog, &std::cin}) {
    for (auto const& [what, change] : changes) {
      CAPTURE(what);
      change(*stream);
      bool const noticed = states.have_changed();
      states.restore();
      CHECK(noticed);
      CHECK_FALSE(states.have_changed());
    }
    auto* const buffer = stream->rdbuf(nullptr);
    states.restore_buffers();
    CHECK(stream->rdbuf() == buffer);
    states.restore();
  }
}
