#include "spawn/program/input/input_source.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <sys/stat.h>
#include <algorithm>
#include <utility>

namespace farm::detail {
namespace {

TextValue const* member(TextValue::Members const& members, char const* name) {
  auto const found = std::find(members.names.begin(), members.names.end(), name);
  if (found == members.names.end()) return nullptr;
  return &members.values[static_cast<std::size_t>(found - members.names.begin())];
}

/// Returns the input of a record that `map --json` has printed; any other text as it is.
std::string input_of_record(std::string text) {
  if (!text.starts_with("{\"index\":")) return text;
  auto const record = read_text(text);
  auto const* const members = std::get_if<TextValue::Members>(&record.value);
  if (members == nullptr) return text;
  auto const* const input = member(*members, "input");
  bool const is_record = member(*members, "result") != nullptr || member(*members, "error") != nullptr;
  return input != nullptr && is_record ? to_json(*input) : text;
}

bool is_regular_file(std::string const& path) {
  struct stat status {};
  return path != "-" && stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

}  // namespace

std::string Input::title() const {
  auto const where = file.empty() || !line ? std::string{} : fmt::format("{}:{}: ", file, *line);
  return fmt::format("{}input \"{}\"", where, text);
}

InputSource::InputSource(NamedTask const& task, InputArguments const& arguments)
    : task_(task), words_(arguments.words), grid_(task, arguments.grid), csv_(arguments.csv), over_(arguments.over) {
  open_next_file();
}

/// Opens the table, then the file of lines. There is no reader after them.
void InputSource::open_next_file() {
  reader_.reset();
  table_.reset();
  if (!csv_.empty()) {
    reader_.emplace("--csv", std::exchange(csv_, {}));
    table_.emplace(task_);
  } else if (!over_.empty()) {
    reader_.emplace("--over", std::exchange(over_, {}));
  }
}

/// Fills in the call, or why it cannot be made. `texts` returns the texts of the arguments.
template <class Texts>
void InputSource::read(Input& input, Texts texts) const {
  try {
    ArgumentTexts const arguments = texts();
    if (input.text.empty()) input.text = arguments.input;
    input.call = task_.read(arguments);
  } catch (UsageError const& error) {
    auto const where = input.line ? fmt::format("{}:{}: ", input.file, *input.line) : std::string{};
    input.error = std::make_exception_ptr(UsageError(fmt::format("{}{}: {}", where, task_.name, error.what())));
  }
}

InputSource::State InputSource::next(Input& input) {
  input = {.index = taken_};
  if (taken_ < words_.size()) {
    input.text = words_[taken_];
    read(input, [&] { return split_arguments(task_, input_of_record(input.text)); });
  } else if (taken_ - words_.size() < grid_.size()) {
    read(input, [&] { return grid_.at(taken_ - words_.size()); });
  } else if (auto const state = next_line(input); state != State::input) {
    return state;
  }
  ++taken_;
  return State::input;
}

InputSource::State InputSource::next_line(Input& input) {
  std::string line;
  while (reader_) {
    auto const state = reader_->next(line);
    if (state == LineReader::State::wait) return State::wait;
    input.file = reader_->name();
    if (state == LineReader::State::line) {
      if (read_line(line, input)) return State::input;
      continue;
    }
    bool const is_incomplete = table_ && row_line_ != 0;
    if (is_incomplete) {
      input.line = std::exchange(row_line_, 0);
      read(input, [&]() -> ArgumentTexts {
        table_->finish();
        return {};
      });
    }
    open_next_file();
    if (is_incomplete) return State::input;
  }
  return State::end;
}

/// Returns false if the line is not an input, or not all of one.
bool InputSource::read_line(std::string const& line, Input& input) {
  if (line.empty() && !task_.arguments.empty() && row_line_ == 0) return false;
  if (!table_) {
    input.line = reader_->number();
    input.text = line;
    read(input, [&] { return split_arguments(task_, input_of_record(line)); });
    return true;
  }
  if (row_line_ == 0) row_line_ = reader_->number();
  std::optional<ArgumentTexts> row;
  bool const is_header = !table_->has_header();
  try {
    row = table_->add_line(line);
  } catch (UsageError const& error) {
    auto const text = fmt::format("{}:{}: {}: {}", reader_->name(), row_line_, task_.name, error.what());
    if (is_header) throw UsageError(text);  // no row can be read
    input.error = std::make_exception_ptr(UsageError(text));
    input.text = line;
  }
  if (is_header) row_line_ = 0;
  if (!row && !input.error) return false;
  input.line = std::exchange(row_line_, 0);
  if (row) read(input, [&] { return *row; });
  return true;
}

std::size_t check_inputs(NamedTask const& task, InputArguments const& arguments, bool& is_complete) {
  auto known = arguments;
  is_complete = true;
  for (auto const& [option, file] : {std::pair{"--csv", &known.csv}, {"--over", &known.over}}) {
    if (file->empty() || is_regular_file(*file)) continue;
    LineReader const exists{option, *file};
    file->clear();
    is_complete = false;
  }
  InputSource source{task, known};
  std::size_t count = 0;
  for (Input input; source.next(input) == InputSource::State::input; ++count) {
    if (input.error) std::rethrow_exception(input.error);
  }
  return count;
}

}  // namespace farm::detail
