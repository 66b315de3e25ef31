#include "spawn/program/run/program_template.hpp"

#include "core/text/field_text.hpp"
#include "spawn/launch/launch_command.hpp"
#include "spawn/program/typing_error.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace farm::detail {
namespace {

/// The rank fills these in.
constexpr std::array<std::string_view, 4> of_rank{"task", "attempt", "ranks", "host"};

bool is_of_rank(std::string const& name) { return std::find(of_rank.begin(), of_rank.end(), name) != of_rank.end(); }

/// Returns the number that a field is, from 1; 0 for a name. {} is the first.
std::size_t number_of(std::string const& name) {
  if (name.empty()) return 1;
  std::size_t number = 0;
  auto const [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc{} && end == name.data() + name.size() ? number : 0;
}

/// Calls `use` for each text that may have fields.
template <class AnyProgram, class Use>
void for_each_text(AnyProgram& program, Use const& use) {
  for (auto& word : program.command) use(word);
  for (auto* const text : {&program.directory, &program.input_file, &program.output_file, &program.error_file}) {
    use(*text);
  }
}

FieldText parsed(std::string const& text) try { return FieldText{text}; } catch (std::invalid_argument const& error) {
  throw TypingError(error.what());
}

TextValue as_value(Exit const& exit) {
  TextValue::Members members;
  members.add("status", {.value = std::int64_t{exit.status}});
  members.add("signal", {.value = std::int64_t{exit.signal}});
  members.add("seconds", {.value = exit.seconds});
  members.add("peak_memory", {.value = exit.peak_memory});
  members.add("host", {.value = exit.host});
  return {.value = std::move(members)};
}

std::vector<ShownResult> show(ChunkState const& done, bool /*keeps_arrays*/) {
  std::vector<ShownResult> results(1);
  try {
    results[0].value = as_value(Future<Exit>{done.state}.result());
  } catch (...) {
    results[0].error = std::current_exception();
  }
  return results;
}

}  // namespace

ProgramTemplate::ProgramTemplate(Program program) : program_(std::move(program)) {
  std::size_t highest = 0;
  for_each_text(program_, [&](std::string const& text) {
    for (auto const& name : parsed(text).names()) {
      if (is_of_rank(name)) continue;
      highest = std::max(highest, number_of(name));
      if (number_of(name) == 0 && std::find(columns_.begin(), columns_.end(), name) == columns_.end())
        columns_.push_back(name);
    }
  });
  if (highest > 0 && !columns_.empty()) {
    throw TypingError(fmt::format("the fields of a command are either numbers or names, and not both: {{{}}} is a name",
                                  columns_[0]));
  }
  column_count_ = std::max(highest, columns_.size());
}

std::size_t ProgramTemplate::column_of(std::string const& name) const {
  if (auto const number = number_of(name); number > 0) return number - 1;
  return static_cast<std::size_t>(std::find(columns_.begin(), columns_.end(), name) - columns_.begin());
}

Program ProgramTemplate::filled(std::vector<std::string> const& values) const {
  auto program = program_;
  for_each_text(program, [&](std::string& text) {
    // what remains is a text with fields again: those of the rank
    auto const plain = [](std::string const& part) { return without_fields(part); };
    text = parsed(text).filled(
        [&](std::string const& name) {
          return is_of_rank(name) ? fmt::format("{{{}}}", name) : plain(values.at(column_of(name)));
        },
        plain);
  });
  program.fields = true;
  return program;
}

NamedTask ProgramTemplate::task() const {
  NamedTask task{.name = std::filesystem::path{program_.command.front()}.filename().string(),
                 .names = columns_,
                 .name_types = nullptr,
                 .arguments = std::vector<std::string>(column_count_, "text"),
                 .result = "exit",
                 .show = &show,
                 .begin_chunk = nullptr,
                 .chunk_code = nullptr,
                 .gather = nullptr,
                 .read = nullptr};
  task.read = [self = *this](ArgumentTexts const& given) {
    TextValue::List shown;
    std::vector<std::string> values;
    for (auto const& text : given.texts) {
      auto value = read_text(text);
      values.push_back(string_of(value).value_or(text));
      shown.items.push_back(std::move(value));
    }
    NamedCall call;
    call.input = as_input(self.columns_, std::move(shown));
    auto const program = std::make_shared<Program>(self.filled(values));
    call.submit = [program](NamedTaskPool& pool, TaskOptions const& options) {
      return pool.run(options, *program).state();
    };
    call.command = to_text(program->command);
    return call;
  };
  return task;
}

}  // namespace farm::detail
