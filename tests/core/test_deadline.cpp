#include <farm/detail/deadline.hpp>
#include <farm/error.hpp>

#include <chrono>
#include <limits>

#include "tests/support/catch.hpp"

using namespace farm::detail;
using namespace std::chrono_literals;

namespace {

bool has_ended(Deadline deadline) { return deadline <= Clock::now(); }

}  // namespace

TEST_CASE("a timeout that is too long for the clock never ends") {
  CHECK(deadline_after(Clock::duration::max()) == never);
  CHECK(deadline_after(std::chrono::hours::max()) == never);
  CHECK(deadline_after(std::chrono::duration<double>{std::numeric_limits<double>::infinity()}) == never);
  CHECK(deadline_after(std::chrono::duration<float, std::micro>{std::numeric_limits<float>::max()}) == never);
  CHECK(deadline_after(std::chrono::years{200}) < never);
  CHECK(deadline_after(std::chrono::years{200}) > Clock::now() + 1h);
}

TEST_CASE("a negative timeout has ended") {
  CHECK(has_ended(deadline_after(Clock::duration::min())));
  CHECK(has_ended(deadline_after(std::chrono::hours::min())));
  CHECK(has_ended(deadline_after(std::chrono::duration<double>{-std::numeric_limits<double>::infinity()})));
}

TEST_CASE("a timeout that is not a number is refused") {
  CHECK_THROWS_WITH(deadline_after(std::chrono::duration<double>{std::numeric_limits<double>::quiet_NaN()}),
                    contains("NaN"));
  CHECK_THROWS_AS(deadline_after(std::chrono::duration<float>{std::numeric_limits<float>::quiet_NaN()}),
                  farm::UsageError);
}

TEST_CASE("a time after another one never lies before it") {
  auto const now = Clock::now();
  CHECK(later(now, 5s) == now + 5s);
  CHECK(later(now, 0s) == now);
  CHECK(later(now, Clock::duration::max()) == never);
  CHECK(later(now, never - now) == never);
  CHECK(later(never, 1ns) == never);
  CHECK(later(Clock::time_point{}, Clock::duration::max()) == never);
}
