#include "spawn/service/store/disk/end_lines.hpp"

#include "spawn/service/store/disk/store_error.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <system_error>

namespace farm::detail {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t million = 1'000'000;

/// Returns the time in microseconds.
std::int64_t microseconds(double seconds) {
  constexpr double longest = 1e10;  // more than 300 years
  if (!(std::abs(seconds) < longest)) return 0;
  return std::llround(seconds * static_cast<double>(million));
}

template <class T>
void append(std::string& line, T number) {
  std::array<char, 24> digits{};
  auto const end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
  line.append(digits.data(), end);
}

void append_seconds(std::string& line, std::int64_t time) {
  append(line, time / million);
  auto fraction = time % million;
  if (fraction == 0) return;
  line += '.';
  for (auto unit = million / 10; fraction != 0; unit /= 10) {
    line += static_cast<char>('0' + fraction / unit);
    fraction %= unit;
  }
}

void append_rest(std::string& line, TaskEnd const& end) {
  if (end.peak_memory == 0 && end.losses.empty()) {
    line += '0';
    return;
  }
  auto rest = Json::array({end.peak_memory});
  for (auto const& loss : end.losses) rest.push_back(loss);
  line += rest.dump(-1, ' ', false, Json::error_handler_t::replace);
}

[[noreturn]] void fail(std::string_view line) {
  throw StoreError{fmt::format("an end of a task in the database cannot be understood: {}", line.substr(0, 100))};
}

/// Reads a line from its begin to its end.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : line_{line}, rest_{line} { skip('['); }

  template <class T>
  T number() {
    T value{};
    auto const result = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (result.ec != std::errc{}) fail(line_);
    rest_.remove_prefix(static_cast<std::size_t>(result.ptr - rest_.data()));
    return value;
  }
  template <class T>
  T next() {
    skip(',');
    return number<T>();
  }
  /// Returns a time in microseconds.
  std::int64_t next_seconds() {
    auto time = next<std::int64_t>() * million;
    if (!rest_.starts_with('.')) return time;
    rest_.remove_prefix(1);
    for (auto unit = million / 10; unit > 0 && !rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9'; unit /= 10) {
      time += (rest_[0] - '0') * unit;
      rest_.remove_prefix(1);
    }
    return time;
  }
  bool skip_null() {
    if (!rest_.starts_with(",null")) return false;
    rest_.remove_prefix(5);
    return true;
  }
  /// Returns the list that is next; empty if a number is.
  std::string_view next_list() {
    skip(',');
    if (!rest_.starts_with('[')) {
      static_cast<void>(number<int>());
      return {};
    }
    bool in_text = false;
    std::size_t end = 1;
    for (; end < rest_.size() && (in_text || rest_[end] != ']'); ++end) {
      if (rest_[end] == '"') in_text = !in_text;
      if (in_text && rest_[end] == '\\') ++end;
    }
    if (end >= rest_.size()) fail(line_);
    auto const list = rest_.substr(0, end + 1);
    rest_.remove_prefix(end + 1);
    return list;
  }
  /// Returns all that is left.
  std::string_view value() {
    if (!rest_.ends_with(']')) fail(line_);
    rest_.remove_suffix(1);
    if (rest_.starts_with(',')) rest_.remove_prefix(1);
    return rest_;
  }

 private:
  void skip(char c) {
    if (!rest_.starts_with(c)) fail(line_);
    rest_.remove_prefix(1);
  }

  std::string_view line_;
  std::string_view rest_;
};

TaskState state_from(int number, std::string_view line) {
  if (number < 0 || number >= static_cast<int>(task_states)) fail(line);
  return static_cast<TaskState>(number);
}

double as_seconds(std::int64_t time) { return static_cast<double>(time) / static_cast<double>(million); }

/// Returns the end without a value that is too large for the database.
TaskEnd cut(TaskEnd end) {
  auto const bytes = end.value.size();
  end.state = TaskState::failed;
  end.value =
      fmt::format(R"({{"type":"ResultTooLarge","text":"the result has {} bytes, and the queue keeps at most {}",)"
                  R"("rank":null,"host":null}})",
                  bytes, largest_value);
  return end;
}

}  // namespace

void append_line(std::string& line, TaskEnd const& end, std::int64_t hosts) {
  if (end.value.size() > largest_value) return append_line(line, cut(end), hosts);
  line += '[';
  append(line, end.task);
  line += ',';
  append(line, static_cast<int>(end.state));
  line += ',';
  append(line, end.attempts);
  line += ',';
  auto const ended = std::max<std::int64_t>(microseconds(end.ended), 0);
  append_seconds(line, ended);
  line += ',';
  if (auto const started = microseconds(end.started); started > 0)
    append(line, ended - started);
  else
    line += "null";
  line += ',';
  append(line, microseconds(end.seconds));
  line += ',';
  append(line, end.group);
  line += ',';
  append(line, hosts);
  line += ',';
  append_rest(line, end);
  if (!end.value.empty()) {
    line += ',';
    auto const begin = line.size();
    line += end.value;
    auto const is_break = [](char c) { return c == '\n' || c == '\r'; };
    std::replace_if(line.begin() + static_cast<std::ptrdiff_t>(begin), line.end(), is_break, ' ');
  }
  line += ']';
}

std::uint64_t task_of_line(std::string_view line) { return LineReader{line}.number<std::uint64_t>(); }

ShortEnd short_end_of_line(std::string_view line) {
  LineReader reader{line};
  ShortEnd end;
  end.task = reader.number<std::uint64_t>();
  end.state = state_from(reader.next<int>(), line);
  end.attempts = reader.next<std::uint32_t>();
  end.ended = as_seconds(reader.next_seconds());
  return end;
}

TaskEnd end_of_line(std::uint64_t job, std::string_view line,
                    std::function<std::string(std::int64_t)> const& names_of) {
  LineReader reader{line};
  TaskEnd end{.job = job};
  end.task = reader.number<std::uint64_t>();
  end.state = state_from(reader.next<int>(), line);
  end.attempts = reader.next<std::uint32_t>();
  auto const ended = reader.next_seconds();
  end.ended = as_seconds(ended);
  if (!reader.skip_null()) end.started = as_seconds(ended - reader.next<std::int64_t>());
  end.seconds = as_seconds(reader.next<std::int64_t>());
  end.group = reader.next<std::uint64_t>();
  if (auto const hosts = reader.next<std::int64_t>(); hosts != 0) end.hosts = names_of(hosts);
  if (auto const list = reader.next_list(); !list.empty()) {
    auto const rest = Json::parse(list, nullptr, false);
    if (!rest.is_array() || rest.empty() || !rest[0].is_number_integer()) fail(line);
    end.peak_memory = rest[0].get<std::int64_t>();
    for (std::size_t i = 1; i < rest.size(); ++i)
      end.losses.push_back(rest[i].is_string() ? rest[i].get<std::string>() : "");
  }
  end.value = reader.value();
  return end;
}

}  // namespace farm::detail
