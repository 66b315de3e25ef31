#include "io/files/paths.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "io/files/hash.hpp"
#include "io/hdf5/error_site.hpp"

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t longest_name = 255;  // NAME_MAX, in bytes
constexpr int most_links = 40;             // as many as Linux follows

}  // namespace

std::string absolute_path(fs::path const& path) {
  if (path.empty()) throw UsageError("the path of a file or a directory is empty; name one");
  return fs::absolute(path).string();
}

std::string path_to_create(std::string const& path) {
  fs::path now = path;
  for (int links = 0; links < most_links; ++links) {
    std::error_code error;
    auto const target = fs::read_symlink(now, error);
    if (error) return now.string();  // no link
    now = now.parent_path() / target;
  }
  throw system_error({path}, "cannot be created", ELOOP);
}

std::string file_name(std::string const& before, std::string const& name, std::string const& after) {
  if (before.size() + name.size() + after.size() <= longest_name) return before + name + after;
  Hash hash;
  hash.add(name.data(), name.size());
  auto const digits = fmt::format("~{:016x}", hash.take());
  auto const room = longest_name - before.size() - digits.size() - after.size();
  return before + name.substr(0, room) + digits + after;
}

}  // namespace farm::detail
