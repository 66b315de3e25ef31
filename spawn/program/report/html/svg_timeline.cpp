#include "spawn/program/report/html/svg_timeline.hpp"

#include "spawn/program/report/html/html_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace farm::detail {
namespace {

constexpr double width = 1000;

char const* word_of(TimelineSpan::Kind kind) {
  switch (kind) {
    case TimelineSpan::Kind::busy:
      return "busy";
    case TimelineSpan::Kind::starting:
      return "starting";
    case TimelineSpan::Kind::failed:
      return "failed";
  }
  return "busy";
}

std::string bar(TimelineSpan const& span, double length) {
  auto const left = width * std::clamp(span.begin / length, 0.0, 1.0);
  auto const right = width * std::clamp(span.end / length, 0.0, 1.0);
  auto const opacity = span.share >= 0.995 ? std::string{} : fmt::format(" opacity=\"{:.2f}\"", span.share);
  auto const head = fmt::format("<rect class=\"{}\" x=\"{:.2f}\" width=\"{:.2f}\" height=\"10\"{}", word_of(span.kind),
                                left, std::max(0.5, right - left), opacity);
  if (span.title.empty()) return head + "/>";
  return fmt::format("{}><title>{}</title></rect>", head, escaped_html(span.title));
}

}  // namespace

std::string svg_timeline(std::vector<TimelineLane> const& lanes, double length, std::string const& begin,
                         std::string const& end) {
  if (lanes.empty() || length <= 0) return {};
  std::set<TimelineSpan::Kind> kinds;
  std::string html = "<div class=\"lanes\">\n";
  for (auto const& lane : lanes) {
    auto const name = escaped_html(lane.name);
    html += fmt::format(
        "<span class=\"lane-name\">{}</span><svg viewBox=\"0 0 {} 10\" preserveAspectRatio=\"none\" role=\"img\" "
        "aria-label=\"{}: {}\">",
        name, width, name, escaped_html(lane.words));
    for (auto const& span : lane.spans) {
      if (span.share < 0.005) continue;
      kinds.insert(span.kind);
      html += bar(span, length);
    }
    html += "</svg>\n";
  }
  html +=
      fmt::format("<span class=\"corner\"></span><div class=\"scale\"><span>{}</span><span>{}</span></div>\n</div>\n",
                  escaped_html(begin), escaped_html(end));
  html += "<p class=\"note key\">";
  for (auto const kind : kinds) html += fmt::format("<span class=\"{}\"></span>{}", word_of(kind), word_of(kind));
  return html + "</p>\n";
}

}  // namespace farm::detail
