#include "spawn/program/report/html/html_page.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace farm::detail {
namespace {

constexpr std::string_view style = R"(
:root { --ground: #fff; --text: #17202a; --muted: #57606a; --line: #d5dbe1; --track: #eef1f4; --busy: #0a5cc0;
  --starting: #b6a06a; --failed: #c4242b; --bad-ground: #fdeeee; }
@media (prefers-color-scheme: dark) { :root { --ground: #12161b; --text: #e4e9ee; --muted: #9aa6b2; --line: #303843;
  --track: #222933; --busy: #6cb0ff; --starting: #8d7d55; --failed: #ff8080; --bad-ground: #331a1d; } }
* { box-sizing: border-box; }
html { background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
body { max-width: 1100px; margin: 0 auto; padding: 16px; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; margin: 0 0 8px; } h2 { font-size: 1.1rem; margin: 28px 0 8px; } p { margin: 6px 0; }
dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 2px 16px; margin: 8px 0; }
dt, caption, .scale, .note { color: var(--muted); } dd { margin: 0; }
.table { overflow-x: auto; margin: 8px 0; } table { border-collapse: collapse; min-width: 50%; }
caption { text-align: left; padding-bottom: 4px; }
th, td { text-align: left; vertical-align: top; padding: 3px 14px 3px 0; border-bottom: 1px solid var(--line);
  font-weight: 400; } thead th { color: var(--muted); white-space: nowrap; }
th.n, td.n { text-align: right; white-space: nowrap; } td.t { white-space: pre-wrap; min-width: 8em; }
.lanes { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 3px 10px; align-items: center;
  margin: 8px 0; } .lane-name { font-size: 0.87rem; max-width: 16em; }
svg { display: block; width: 100%; height: 16px; background: var(--track); }
.busy { fill: var(--busy); } .starting { fill: var(--starting); } .failed { fill: var(--failed); }
.scale { display: flex; justify-content: space-between; font-size: 0.87rem; }
.key span { display: inline-block; width: 12px; height: 12px; margin: 0 5px 0 14px; vertical-align: -1px; }
.key .busy { background: var(--busy); } .key .starting { background: var(--starting); }
.key .failed { background: var(--failed); }
@media (max-width: 560px) { dl, .lanes { grid-template-columns: minmax(0, 1fr); gap: 0; }
  .lanes > :nth-child(2n) { margin-bottom: 6px; } .lanes > .corner { display: none; } dd { margin-bottom: 6px; } }
@media print { html { font-size: 10pt; --ground: #fff; --text: #000; --muted: #444; } body { max-width: none; padding: 0; }
  svg, .key span { print-color-adjust: exact; -webkit-print-color-adjust: exact; } .table { overflow: visible; }
  h2 { break-after: avoid; } tr, .lanes > * { break-inside: avoid; } }
)";

/// Returns the length of the UTF-8 character at the beginning, or 0 if there is none that may be shown.
std::size_t shown_length(std::string_view text) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f ? 1 : first == '\n' || first == '\t' ? 1 : 0;
  std::size_t const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  }
  unsigned code = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) code = code << 6U | (byte(i) & 0x3fU);
  constexpr unsigned shortest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (code < shortest[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return 0;
  bool const turns = code == 0x200e || code == 0x200f || (code >= 0x202a && code <= 0x202e) ||
                     (code >= 0x2066 && code <= 0x2069) || code < 0xa0;
  return turns ? 0 : length;
}

}  // namespace

std::string escaped_html(std::string_view text) {
  std::string html;
  while (!text.empty()) {
    auto const length = shown_length(text);
    switch (text.front()) {
      case '&':
        html += "&amp;";
        break;
      case '<':
        html += "&lt;";
        break;
      case '>':
        html += "&gt;";
        break;
      case '"':
        html += "&quot;";
        break;
      case '\'':
        html += "&#39;";
        break;
      default:
        html += length == 0 ? std::string_view{"\xef\xbf\xbd"} : text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return html;
}

HtmlPage::HtmlPage(std::string_view title) : title_(escaped_html(title)) {}

void HtmlPage::add_heading(std::string_view text) { body_ += fmt::format("<h2>{}</h2>\n", escaped_html(text)); }

void HtmlPage::add_paragraph(std::string_view text) { body_ += fmt::format("<p>{}</p>\n", escaped_html(text)); }

void HtmlPage::add_facts(std::vector<std::pair<std::string, std::string>> const& facts) {
  body_ += "<dl>\n";
  for (auto const& [name, value] : facts) {
    if (!value.empty()) body_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escaped_html(name), escaped_html(value));
  }
  body_ += "</dl>\n";
}

void HtmlPage::add_table(std::string_view caption, std::vector<std::string> const& headings, std::string_view numbers,
                         std::vector<std::vector<std::string>> const& rows) {
  auto const kind = [&](std::size_t column) { return column < numbers.size() ? numbers[column] : 't'; };
  body_ += "<div class=\"table\"><table>\n";
  if (!caption.empty()) body_ += fmt::format("<caption>{}</caption>\n", escaped_html(caption));
  body_ += "<thead><tr>";
  for (std::size_t i = 0; i < headings.size(); ++i)
    body_ += fmt::format("<th scope=\"col\" class=\"{}\">{}</th>", kind(i), escaped_html(headings[i]));
  body_ += "</tr></thead>\n<tbody>\n";
  for (auto const& row : rows) {
    body_ += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i)
      body_ += fmt::format("<td class=\"{}\">{}</td>", kind(i), escaped_html(row[i]));
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
}

std::string HtmlPage::text() const {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light dark\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
      "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n<h1>{}</h1>\n{}</main>\n</body>\n</html>\n",
      title_, style, title_, body_);
}

}  // namespace farm::detail
