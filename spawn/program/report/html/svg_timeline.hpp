#pragma once

#include <string>
#include <vector>

namespace farm::detail {

/// A piece of a lane of a timeline.
struct TimelineSpan {
  enum class Kind { busy, starting, failed };
  double begin = 0;  ///< in the unit of the timeline
  double end = 0;
  Kind kind = Kind::busy;
  double share = 1;     ///< how much of it that was, from 0 to 1: how strong its colour is
  std::string title{};  ///< shown when it is pointed at; may be empty
};

struct TimelineLane {
  std::string name{};
  std::string words{};  ///< what it shows, for those who do not see it: "busy 80 %"
  std::vector<TimelineSpan> spans{};
};

/// Returns a timeline from 0 to `length` as HTML: a name and an SVG for each lane, a scale with these texts at its two
/// ends, and a key of the colours.
[[nodiscard]] std::string svg_timeline(std::vector<TimelineLane> const& lanes, double length, std::string const& begin,
                                       std::string const& end);

}  // namespace farm::detail
