#include "spawn/program/service/job/result_files.hpp"

#include "spawn/program/output.hpp"
#include "spawn/program/report/text_table.hpp"
#include "spawn/program/service/shown_text.hpp"
#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// A file that appears under its name once it is complete.
class NewFile {
 public:
  explicit NewFile(std::string path) : path_(std::move(path)), part_(path_ + ".part") {}
  NewFile(NewFile const&) = delete;
  NewFile& operator=(NewFile const&) = delete;
  ~NewFile() {
    std::error_code ignored;
    std::filesystem::remove(part_, ignored);
  }

  /// Returns the name under which it is written.
  [[nodiscard]] std::string const& part() const { return part_; }
  void finish() const { std::filesystem::rename(part_, path_); }

 private:
  std::string path_;
  std::string part_;
};

class TextFile {
 public:
  explicit TextFile(std::string const& path) : path_(path), file_(std::fopen(path.c_str(), "wxe"), &std::fclose) {
    if (!file_) fail();
  }
  void write(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), file_.get()) != text.size()) fail();
  }
  void close() {
    if (std::fclose(file_.release()) != 0) fail();
  }

 private:
  [[noreturn]] void fail() const { throw std::system_error(errno, std::generic_category(), "--to " + path_); }

  std::string const& path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
};

/// Returns the text as a cell of a table of comma-separated values.
std::string csv_cell(std::string const& text) {
  bool const is_plain =
      text.find_first_of(",\"\n\r;\t") == std::string::npos && !text.starts_with(' ') && !text.ends_with(' ');
  if (is_plain) return text;
  std::string quoted = "\"";
  for (char const c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string text_of(TextValue const& value) {
  if (std::holds_alternative<std::nullptr_t>(value.value)) return {};
  auto const text = string_of(value);
  return text ? *text : to_json(value);
}

void write_csv(ResultTable const& table, TextFile& file) {
  auto const columns = table.columns();
  std::map<std::string, std::size_t> places;
  std::string line;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    places[columns[i]] = i;
    line += (i > 0 ? "," : "") + csv_cell(columns[i]);
  }
  file.write(line + '\n');
  table.for_each([&](ResultReply const& /*record*/, std::vector<ResultCell> const& cells) {
    std::vector<std::string> texts(columns.size());
    for (auto const& cell : cells) texts[places.at(cell.column)] = csv_cell(text_of(cell.value));
    line.clear();
    for (std::size_t i = 0; i < texts.size(); ++i) line += (i > 0 ? "," : "") + texts[i];
    file.write(line + '\n');
  });
}

}  // namespace

void check_result_file(std::string const& path) {
  auto const ending = std::filesystem::path{path}.extension();
  if (ending != ".csv" && ending != ".jsonl" && ending != ".h5")
    throw TypingError(fmt::format("--to: '{}' was given, FILE.csv, FILE.jsonl or FILE.h5 is expected", path));
  if (std::filesystem::exists(path)) throw TypingError(fmt::format("--to: there is a file {} already", path));
}

void write_results(Requests& requests, std::uint64_t job, std::string const& path) {
  ResultTable const table{requests, job};
  NewFile const result{path};
  auto const ending = std::filesystem::path{path}.extension();
  if (ending == ".h5") {
    write_hdf5(table, result.part());
  } else {
    TextFile file{result.part()};
    if (ending == ".csv") {
      write_csv(table, file);
    } else {
      for (auto const& record : table.records()) file.write(record + '\n');
    }
    file.close();
  }
  result.finish();
}

void print_result_table(Requests& requests, std::uint64_t job) {
  constexpr std::size_t longest_cell = 60;
  ResultTable const table{requests, job};
  if (table.size() == 0) return print_out("no task has ended\n");
  auto columns = table.columns();
  std::map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < columns.size(); ++i) places[columns[i]] = i;
  for (auto& column : columns) column = one_line(column, longest_cell);
  TextTable text{columns};
  table.for_each([&](ResultReply const& /*record*/, std::vector<ResultCell> const& cells) {
    std::vector<std::string> row(columns.size(), "-");
    for (auto const& cell : cells) row[places.at(cell.column)] = one_line(to_text(cell.value), longest_cell);
    text.add(std::move(row));
  });
  print_out(text.text());
}

}  // namespace farm::detail
