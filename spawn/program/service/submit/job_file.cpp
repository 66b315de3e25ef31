#include "spawn/program/service/submit/job_file.hpp"

#include "core/text/nearest_word.hpp"
#include "spawn/by_name/program_template.hpp"
#include "spawn/program/input/input_source.hpp"
#include "spawn/program/service/submit/submission_arguments.hpp"
#include "spawn/program/service/submit/toml_value.hpp"
#include "spawn/program/typing_error.hpp"
#include "spawn/service/model/job_json.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <system_error>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

/// A [[task]] of the file.
struct Entry {
  TomlValue place;
  std::string name{};
  std::vector<std::string> needs{};
  TaskKind kind{};
  InputArguments inputs{};
  std::uint32_t first = 0;  ///< its tasks, once they are known
  std::uint32_t count = 0;
};

class JobFile {
 public:
  JobFile(std::string const& path, ServerFunctions& functions) : path_(path), functions_(functions) {
    auto const absolute = std::filesystem::absolute(path).lexically_normal();
    directory_ = absolute.parent_path().string();
    std::ifstream file{path};
    if (!file || std::filesystem::is_directory(path)) {
      throw std::system_error(std::filesystem::is_directory(path) ? EISDIR : errno, std::generic_category(), path);
    }
    std::string const text{std::istreambuf_iterator<char>{file}, {}};
    try {
      table_ = toml::parse(text, path);
    } catch (toml::parse_error const& error) {
      auto const place = error.source().begin;
      throw TypingError(fmt::format("{}:{}:{}: {}", path, place.line, place.column, error.description()));
    }
  }

  SubmissionBody read(std::function<void(JobSpec&)> const& over) {
    read_keys();
    if (entries_.empty()) throw TypingError(fmt::format("{}: there is no [[task]]", path_));
    over(spec_);
    std::vector<TaskSpec> tasks;
    for (auto& entry : entries_) add_tasks(entry, tasks);
    for (auto const& entry : entries_) set_needs(entry, tasks);
    SubmissionBody body{spec_, true};
    for (auto const& task : tasks) body.add(task);
    return body;
  }

 private:
  void read_keys() {
    TaskKind defaults;
    TomlValue const file{table_, path_, ""};
    file.read_table({
        {"name", [&](auto const& v) { spec_.name = v.text(); }},
        {"priority", [&](auto const& v) { spec_.priority = v.small(std::numeric_limits<int>::min()); }},
        {"hold", [&](auto const& v) { spec_.hold = v.boolean(); }},
        {"max_fails", [&](auto const& v) { spec_.max_fails = v.small(1); }},
        {"after",
         [&](auto const& v) {
           v.each([&](auto const& job) { spec_.after.push_back(static_cast<std::uint64_t>(job.small(1))); });
         }},
        {"defaults", [&](auto const& v) { read_kind(v, defaults); }},
        {"task", [&](auto const& v) { v.each([&](auto const& each) { read_entry(each, defaults); }); }},
    });
  }

  /// Reads a table that has keys of tasks, and `more`.
  void read_kind(TomlValue const& value, TaskKind& kind, Entry* entry = nullptr) {
    auto const of_entry = [&](auto read) -> TomlValue::Reader {
      return [read, entry](TomlValue const& v) {
        if (entry == nullptr) v.refuse("is a key of a [[task]], and not of [defaults]");
        read(v, *entry);
      };
    };
    value.read_table({
        {"name", of_entry([](auto const& v, Entry& e) { e.name = v.text(); })},
        {"needs", of_entry([](auto const& v, Entry& e) { e.needs = v.is_text() ? std::vector{v.text()} : v.texts(); })},
        {"input", of_entry([](auto const& v, Entry& e) { e.inputs.words.push_back(to_json(v.json())); })},
        {"inputs", of_entry([](auto const& v, Entry& e) {
           v.each([&](auto const& item) { e.inputs.words.push_back(to_json(item.json())); });
         })},
        {"grid", of_entry([](auto const& v, Entry& e) { e.inputs.grid = v.texts(); })},
        {"csv", of_entry([this](auto const& v, Entry& e) { e.inputs.csv = within_directory(v.text()); })},
        {"over", of_entry([this](auto const& v, Entry& e) { e.inputs.over = within_directory(v.text()); })},
        {"function",
         [&](auto const& v) {
           kind.function = v.text();
           kind.command.clear();
         }},
        {"command",
         [&](auto const& v) {
           kind.command = v.texts();
           kind.function.clear();
           if (kind.command.empty()) v.refuse("the command is empty");
         }},
        {"ranks", [&](auto const& v) { kind.ranks = v.small(1); }},
        {"threads", [&](auto const& v) { kind.threads = v.small(1); }},
        {"gpus", [&](auto const& v) { kind.gpus = v.small(0); }},
        {"memory", [&](auto const& v) { kind.memory = v.bytes(); }},
        {"resources", [&](auto const& v) { kind.resources = v.amounts(); }},
        {"timeout", [&](auto const& v) { kind.timeout = v.seconds(); }},
        {"retries", [&](auto const& v) { kind.retries = v.small(0); }},
        {"max_losses", [&](auto const& v) { kind.max_losses = v.small(1); }},
        {"cache", [&](auto const& v) { kind.cache = v.boolean(); }},
        {"environment", [&](auto const& v) { kind.environment = v.variables(); }},
        {"directory", [&](auto const& v) { kind.directory = within_directory(v.text()); }},
        {"task_directory", [&](auto const& v) { kind.task_directory = v.text(); }},
        {"stdin_file", [&](auto const& v) { kind.stdin_file = v.text(); }},
        {"stdout_file", [&](auto const& v) { kind.stdout_file = v.text(); }},
        {"stderr_file", [&](auto const& v) { kind.stderr_file = v.text(); }},
        {"mpi", [&](auto const& v) { kind.mpi = v.boolean(); }},
    });
  }

  void read_entry(TomlValue const& value, TaskKind const& defaults) {
    Entry entry{.place = value, .kind = defaults};
    read_kind(value, entry.kind, &entry);
    auto& kind = entry.kind;
    if (kind.function.empty() && kind.command.empty()) value.refuse("the task has neither a function nor a command");
    if (!kind.command.empty()) {
      if (kind.directory.empty()) kind.directory = directory_;
      kind.command.front() = program_from(kind.command.front(), kind.directory);
    }
    if (!entry.name.empty() &&
        std::any_of(entries_.begin(), entries_.end(), [&](Entry const& other) { return other.name == entry.name; }))
      value.refuse(fmt::format("another task has the name '{}'", entry.name));
    entries_.push_back(std::move(entry));
  }

  [[nodiscard]] std::string within_directory(std::string const& text) const {
    return (std::filesystem::path{directory_} / text).lexically_normal().string();
  }

  [[nodiscard]] NamedTask shape_of(Entry const& entry) {
    if (!entry.kind.function.empty()) return functions_.find(entry.kind.function);
    return ProgramTemplate{{.command = entry.kind.command,
                            .directory = entry.kind.task_directory,
                            .input_file = entry.kind.stdin_file,
                            .output_file = entry.kind.stdout_file,
                            .error_file = entry.kind.stderr_file},
                           {"job"}}
        .task();
  }

  /// Adds a task for each input of the entry.
  void add_tasks(Entry& entry, std::vector<TaskSpec>& tasks) try {
    auto const shape = shape_of(entry);
    auto& inputs = entry.inputs;
    entry.first = static_cast<std::uint32_t>(tasks.size());
    auto const kind = number_of(entry.kind);
    bool const has_inputs =
        !inputs.words.empty() || !inputs.grid.empty() || !inputs.csv.empty() || !inputs.over.empty();
    if (shape.arguments.empty() && !entry.kind.command.empty()) {
      if (has_inputs) entry.place.refuse("the command has no field for its inputs: write {} or {COLUMN}");
      tasks.push_back({.input = "null", .kind = kind});
    } else {
      if (!has_inputs && shape.arguments.empty()) inputs.words.emplace_back();
      InputSource source{shape, inputs};
      for (Input input; source.next(input) == InputSource::State::input;) {
        if (input.error) std::rethrow_exception(input.error);
        tasks.push_back({.input = to_json(input.call.input), .kind = kind});
      }
    }
    entry.count = static_cast<std::uint32_t>(tasks.size()) - entry.first;
    if (entry.count == 0)
      entry.place.refuse(fmt::format("{} wants inputs, and there are none: ({})", shape.name, shape.parameters()));
    for (std::uint32_t i = 0; i < entry.count && !entry.name.empty(); ++i)
      tasks[entry.first + i].name = entry.count == 1 ? entry.name : fmt::format("{}.{}", entry.name, i);
  } catch (UsageError const& error) {
    entry.place.refuse(error.what());
  } catch (TypingError const& error) {
    std::string const text = error.what();
    if (text.starts_with(path_ + ':')) throw;
    entry.place.refuse(text);
  }

  void set_needs(Entry const& entry, std::vector<TaskSpec>& tasks) const {
    std::vector<std::uint32_t> needs;
    for (auto const& name : entry.needs) {
      auto const found =
          std::find_if(entries_.begin(), entries_.end(), [&](Entry const& each) { return each.name == name; });
      if (found == entries_.end()) {
        std::vector<std::string> names;
        for (auto const& each : entries_) {
          if (!each.name.empty()) names.push_back(each.name);
        }
        entry.place.refuse("needs: " + unknown_word("task", name, names));
      }
      if (&*found == &entry) entry.place.refuse(fmt::format("needs: the task '{}' needs itself", name));
      for (std::uint32_t i = 0; i < found->count; ++i) needs.push_back(found->first + i);
    }
    for (std::uint32_t i = 0; i < entry.count; ++i) tasks[entry.first + i].needs = needs;
  }

  /// Returns the kind's place among those of the job. Equal ones are one.
  std::uint32_t number_of(TaskKind const& kind) {
    auto const text = spec_to_json({.kinds = {kind}});
    auto const [found, is_new] = kind_numbers_.try_emplace(text, static_cast<std::uint32_t>(spec_.kinds.size()));
    if (is_new) spec_.kinds.push_back(kind);
    return found->second;
  }

  std::string const& path_;
  ServerFunctions& functions_;
  std::string directory_;
  toml::table table_;
  JobSpec spec_;
  std::vector<Entry> entries_;
  std::map<std::string, std::uint32_t> kind_numbers_;
};

}  // namespace

SubmissionBody read_job_file(std::string const& path, ServerFunctions& functions,
                             std::function<void(JobSpec&)> const& over) {
  return JobFile{path, functions}.read(over);
}

}  // namespace farm::detail
