#include "spawn/program/map/gathered_results.hpp"

#include "io/hdf5/hdf5.hpp"
#include "spawn/program/map/input_columns.hpp"
#include "spawn/program/typing_error.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace farm::detail {
namespace {

constexpr auto inputs_group = "/inputs";

/// Returns whether the file has an object of this absolute name.
bool has_object(hid_t file, std::string const& name) {
  for (std::size_t end = 1; end != std::string::npos;) {
    end = name.find('/', end);
    auto const part = name.substr(0, end);
    if (end != std::string::npos) ++end;
    if (part.size() > 1 && H5Lexists(file, part.c_str(), H5P_DEFAULT) <= 0) return false;
  }
  return true;
}

}  // namespace

GatheredResults::GatheredResults(NamedTask const& task, std::string const& where) : task_(task) {
  auto const colon = where.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == where.size())
    throw TypingError(fmt::format("--gather: '{}' was given, FILE:DATASET is expected, as all.h5:/u", where));
  if (task.gather == nullptr)
    throw TypingError(fmt::format("--gather: {} does not return arrays, but {}", task.name, task.result));
  file_ = std::filesystem::absolute(where.substr(0, colon)).string();
  dataset_ = where.substr(colon + 1);
  if (!dataset_.starts_with('/')) dataset_.insert(0, 1, '/');
  if (!std::filesystem::exists(file_)) return;
  Hdf5Lock const lock;
  FileHandle const file{check_hdf5(H5Fopen(file_.c_str(), H5F_ACC_RDONLY, file_access(true)), {file_}, "cannot open")};
  for (auto const& name : {dataset_, std::string{inputs_group}}) {
    if (has_object(file, name)) throw TypingError(fmt::format("--gather: {} already has {}", file_, name));
  }
}

void GatheredResults::add(Input const& input, std::shared_ptr<void> array) {
  rows_[input.index] = {input.call.input, std::move(array)};
}

void GatheredResults::write() const {
  if (rows_.empty()) return;
  std::vector<std::shared_ptr<void>> arrays;
  std::vector<TextValue> inputs;
  for (auto const& [index, row] : rows_) {
    arrays.push_back(row.array);
    inputs.push_back(row.input);
  }
  task_.gather(arrays, file_, dataset_);
  write_columns(file_, inputs_group, columns_of(task_, inputs));
}

}  // namespace farm::detail
