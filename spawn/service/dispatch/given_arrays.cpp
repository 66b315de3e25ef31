#include "spawn/service/dispatch/given_arrays.hpp"

#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view ending = ".h5";
constexpr std::string_view unfinished_ending = ".h5.part";

/// Returns the key of a file's name; empty if the file is none of ours.
std::string key_of(std::string const& name) {
  for (auto const each : {ending, unfinished_ending}) {
    if (name.ends_with(each)) return name.substr(0, name.size() - each.size());
  }
  return {};
}

}  // namespace

fs::path given_arrays(fs::path const& directory, std::string const& key) {
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
  if (key.empty() || key.find_first_not_of(allowed) != std::string::npos) return {};
  return directory / (key + std::string{ending});
}

void remove_arrays_without_job(fs::path const& directory, std::set<std::string> const& keys, std::chrono::seconds age) {
  std::error_code error;
  auto const oldest = fs::file_time_type::clock::now() - age;
  for (fs::directory_iterator each{directory, error}, end; !error && each != end; each.increment(error)) {
    std::error_code ignored;
    auto const key = key_of(each->path().filename().string());
    if (key.empty() || !each->is_regular_file(ignored) || keys.count(key) > 0) continue;
    auto const written = each->last_write_time(ignored);
    if (!ignored && written < oldest) fs::remove(each->path(), ignored);
  }
}

}  // namespace farm::detail
