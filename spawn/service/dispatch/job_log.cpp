#include "spawn/service/dispatch/job_log.hpp"

#include "spawn/output/tag_log.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>
#include <tuple>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

/// Takes a number and the character behind it from the text. Returns none if there is no number.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!text.empty()) text.remove_prefix(1);
  return number;
}

std::uint64_t size_of(fs::path const& file) {
  std::error_code error;
  auto const size = fs::file_size(file, error);
  return error ? 0 : size;
}

/// Adds the parts that a rank's index lists, and what the task that it runs has printed.
void add_parts(fs::path const& stem, LogPart part, std::optional<std::uint64_t> only, std::vector<LogPart>& parts) {
  part.file = stem.string() + ".log";
  std::uint64_t indexed = 0;
  std::ifstream index{stem.string() + ".index"};
  for (std::string line; std::getline(index, line);) {
    std::string_view text{line};
    auto const task = take_number(text);
    auto const attempt = take_number(text);
    auto const begin = take_number(text);
    auto const end = take_number(text);
    if (!end) continue;
    indexed = std::max(indexed, *end);
    if (only && *only != *task) continue;
    part.task = *task;
    part.attempt = static_cast<std::uint32_t>(*attempt);
    part.begin = *begin;
    part.end = *end;
    parts.push_back(part);
  }
  TagLog::Now now;
  std::ifstream file{stem.string() + ".now", std::ios::binary};
  if (!file.read(reinterpret_cast<char*>(&now), sizeof now) || now.tag == 0) return;
  auto const size = size_of(part.file);
  auto const task = now.tag & 0xffffffffU;
  if (size <= std::max(now.begin, indexed) || (only && *only != task)) return;
  part.task = task;
  part.attempt = static_cast<std::uint32_t>(now.attempt);
  part.begin = std::max(now.begin, indexed);
  part.end = size;
  parts.push_back(part);
}

}  // namespace

std::vector<LogPart> log_parts(fs::path const& directory, std::optional<std::uint64_t> task) {
  std::vector<LogPart> parts;
  std::error_code error;
  for (auto const& entry : fs::directory_iterator{directory, error}) {
    auto const name = entry.path().filename().string();
    std::string_view text{name};
    auto const first = take_number(text);
    auto const second = take_number(text);
    if (!second) continue;
    if (text == "log") {
      add_parts(directory / entry.path().stem(), {.group = *first, .rank = static_cast<int>(*second)}, task, parts);
    } else if (text == "txt" && (!task || *task == *first)) {
      parts.push_back({.task = *first,
                       .attempt = static_cast<std::uint32_t>(*second),
                       .file = entry.path(),
                       .end = size_of(entry.path())});
    }
  }
  std::sort(parts.begin(), parts.end(), [](LogPart const& a, LogPart const& b) {
    return std::tuple{a.task, a.attempt, a.group, a.rank, a.begin} <
           std::tuple{b.task, b.attempt, b.group, b.rank, b.begin};
  });
  return parts;
}

std::string read_log(std::vector<LogPart> const& parts, std::uint64_t from, std::size_t most) {
  std::string text;
  for (auto const& part : parts) {
    auto const size = part.end - part.begin;
    if (from >= size) {
      from -= size;
      continue;
    }
    auto const count = std::min<std::uint64_t>(size - from, most - text.size());
    auto const before = text.size();
    text.resize(before + count);
    std::ifstream file{part.file, std::ios::binary};
    file.seekg(static_cast<std::streamoff>(part.begin + from));
    file.read(text.data() + before, static_cast<std::streamsize>(count));
    text.resize(before + static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
    if (text.size() == most) break;
    from = 0;
  }
  return text;
}

}  // namespace farm::detail
