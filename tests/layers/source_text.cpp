#include "tests/layers/source_text.hpp"

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <iterator>
#include <regex>

namespace layers {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Whether the ' at this position separates the digits of a number, as in 1'000.
bool separates_digits(std::string_view text, std::size_t quote) {
  std::size_t start = quote;
  while (start > 0 && (is_word(text[start - 1]) || text[start - 1] == '\'')) {
    --start;
  }
  return start < quote && std::isdigit(static_cast<unsigned char>(text[start])) != 0;
}

// The position behind the literal that starts with the quote at `start`.
std::size_t end_of_literal(std::string_view text, std::size_t start) {
  bool const raw =
      text[start] == '"' && start > 0 && text[start - 1] == 'R' && (start < 2 || !is_word(text[start - 2]));
  if (raw) {
    std::size_t const open = text.find('(', start);
    if (open == std::string_view::npos) return text.size();
    std::string const close = ")" + std::string(text.substr(start + 1, open - start - 1)) + "\"";
    std::size_t const end = text.find(close, open);
    return end == std::string_view::npos ? text.size() : end + close.size();
  }
  for (std::size_t at = start + 1; at < text.size() && text[at] != '\n'; ++at) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == text[start]) {
      return at + 1;
    }
  }
  return text.size();
}

// The position behind the comment that starts at `start`; `start` itself if none starts there.
std::size_t end_of_comment(std::string_view text, std::size_t start) {
  std::string_view const opening = text.substr(start, 2);
  if (opening == "//") return std::min(text.find('\n', start), text.size());
  if (opening != "/*") return start;
  std::size_t const end = text.find("*/", start + 2);
  return end == std::string_view::npos ? text.size() : end + 2;
}

void blank(std::string& text, std::size_t begin, std::size_t end) {
  std::replace_if(
      text.begin() + static_cast<std::ptrdiff_t>(begin), text.begin() + static_cast<std::ptrdiff_t>(end),
      [](char c) { return c != '\n'; }, ' ');
}

// The text with comments and literals replaced by spaces; lines stay where they are. Literals on directives are kept.
std::string without_comments(std::string_view original) {
  std::string text{original};
  bool directive = false;
  bool line_is_empty = true;
  for (std::size_t at = 0; at < text.size();) {
    char const c = text[at];
    std::size_t end = end_of_comment(text, at);
    if (end == at && (c == '"' || (c == '\'' && !separates_digits(text, at)))) {
      end = end_of_literal(original, at);
      if (directive) at = end;
    }
    if (end > at) {
      blank(text, at, end);
      at = end;
      continue;
    }
    if (at >= text.size()) break;
    if (text[at] == '\n') {
      directive = directive && at > 0 && text[at - 1] == '\\';
      line_is_empty = true;
    } else if (line_is_empty && std::isspace(static_cast<unsigned char>(text[at])) == 0) {
      directive = text[at] == '#';
      line_is_empty = false;
    }
    ++at;
  }
  return text;
}

// Removes the directives of a text without comments. Returns whether one of them defines a macro.
bool remove_directives(std::string& text) {
  static std::regex const directive{R"((^|\n)[ \t]*#([^\n]*\\\n)*[^\n]*)"};
  static std::regex const definition{R"((^|\n)[ \t]*#[ \t]*define\b)"};
  bool const defines = std::regex_search(text, definition);
  text = std::regex_replace(text, directive, "\n");
  return defines;
}

// What a header declares, by the namespace that holds it.
struct Declarations {
  bool in_detail = false;
  bool outside = false;

  void add(std::vector<std::string> const& scopes, std::string const& statement) {
    static std::regex const forward{
        R"((template\s*<[^{}]*>\s*)?(class|struct|enum|enum\s+class)\s+[\w:]+(\s*:\s*[\w:]+)?\s*|\s*)"};
    if (std::regex_match(statement, forward)) return;
    std::string path;
    for (std::string const& scope : scopes) {
      path += scope + "::";
    }
    if (path.starts_with("farm::detail::")) {
      in_detail = true;
    } else if (path.empty() || path.starts_with("farm::")) {
      outside = true;
    }
  }
};

// The position behind the block whose { is at `open`.
std::size_t end_of_block(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t at = open; at < text.size(); ++at) {
    if (text[at] == '{') ++depth;
    if (text[at] == '}' && --depth == 0) return at + 1;
  }
  return text.size();
}

std::string trimmed(std::string const& text) {
  std::size_t const first = text.find_first_not_of(" \t\n");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

}  // namespace

std::vector<Include> includes_in(std::string_view text) {
  static std::regex const directive{R"re(^[ \t]*#[ \t]*include[ \t]*(?:<([^>]+)>|"([^"]+)"))re"};
  std::vector<Include> found;
  std::string const code = without_comments(text);
  int line = 1;
  for (std::size_t start = 0; start < code.size(); ++line) {
    std::size_t const end = std::min(code.find('\n', start), code.size());
    std::smatch match;
    std::string const this_line = code.substr(start, end - start);
    if (std::regex_search(this_line, match, directive)) {
      bool const quoted = match[2].matched;
      found.push_back({.line = line, .name = match[quoted ? 2 : 1].str(), .quoted = quoted});
    }
    start = end + 1;
  }
  return found;
}

bool declares_detail_only(std::string_view text) {
  static std::regex const opens_namespace{R"((?:inline\s+)?namespace\s*([\w:]*))"};
  std::string code = without_comments(text);
  Declarations declarations;
  declarations.outside = remove_directives(code);
  std::vector<std::string> scopes;
  std::string statement;
  for (std::size_t at = 0; at < code.size();) {
    char const c = code[at];
    std::smatch match;
    std::string const so_far = trimmed(statement);
    if (c == '{' && std::regex_match(so_far, match, opens_namespace)) {
      scopes.push_back(match[1].str());
    } else if (c == '{') {
      declarations.add(scopes, statement + "{");
      at = end_of_block(code, at) - 1;
    } else if (c == ';') {
      declarations.add(scopes, so_far);
    } else if (c == '}') {
      if (!scopes.empty()) scopes.pop_back();
    } else {
      statement += c;
      ++at;
      continue;
    }
    statement.clear();
    ++at;
  }
  return declarations.in_detail && !declarations.outside;
}

}  // namespace layers
