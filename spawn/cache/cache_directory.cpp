#include "spawn/cache/cache_directory.hpp"

#include "core/base/descriptor.hpp"
#include "io/files/paths.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <iterator>
#include <random>
#include <string_view>
#include <system_error>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

constexpr int layout_version = 1;
/// Says to programs that copy files that this directory need not be copied: https://bford.info/cachedir
constexpr std::string_view tag_name = "CACHEDIR.TAG";
constexpr std::string_view signature = "Signature: 8a477f597d28d172789f06886806bc55\n";
constexpr std::string_view version_line = "# results of tasks, kept by farm, version ";

constexpr std::size_t key_digits = 64;
constexpr std::size_t directory_digits = 2;

std::string error_text(int error) { return std::generic_category().message(error); }

UsageError unusable(fs::path const& path, std::string_view why) {
  return UsageError(fmt::format("the cache directory {} cannot be used: {}", path.string(), why));
}

/// Returns the version in the tag of a cache; 0 if the directory has no tag of the farm.
int version_of(fs::path const& directory) {
  std::ifstream file{directory / tag_name, std::ios::binary};
  std::string const text{std::istreambuf_iterator<char>{file}, {}};
  if (!text.starts_with(signature)) return 0;
  auto const line = text.find(version_line);
  if (line == std::string::npos) return 0;
  int version = 0;
  std::from_chars(text.data() + line + version_line.size(), text.data() + text.size(), version);
  return version;
}

void write_tag(fs::path const& directory) {
  auto const text = fmt::format("{}{}{}\n", signature, version_line, layout_version);
  auto part = (directory / ".tag-XXXXXX").string();
  Descriptor const file{mkostemp(part.data(), O_CLOEXEC)};
  bool const written = file && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       rename(part.c_str(), (directory / tag_name).c_str()) == 0;
  auto const error = errno;
  if (!written && file) unlink(part.c_str());
  if (!written) throw unusable(directory, error_text(error));
}

/// Another process may be making the same cache: its files begin with a dot.
bool has_no_files(fs::path const& directory) {
  std::error_code error;
  for (fs::directory_iterator entry{directory, error}, end; !error && entry != end; entry.increment(error)) {
    if (!entry->path().filename().string().starts_with('.')) return false;
  }
  return true;
}

void check_version(fs::path const& directory, int version) {
  if (version <= layout_version) return;
  throw unusable(directory, fmt::format("it was made by a newer version of the farm (its layout is {}, this is {})",
                                        version, layout_version));
}

/// Makes the directory and those above it that are missing. Only the last one is for this user alone.
void make_directory(fs::path const& directory) {
  std::error_code error;
  auto const parent = directory.parent_path();
  if (!parent.empty()) fs::create_directories(parent, error);
  if (error) throw unusable(directory, fmt::format("{} cannot be made: {}", parent.string(), error.message()));
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) throw unusable(directory, error_text(errno));
  if (!fs::is_directory(directory, error)) throw unusable(directory, "it is not a directory");
}

bool is_key(std::string_view text) {
  return text.size() == key_digits && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// Returns the file of this name, which begins with the key; none if it is no name of the cache's.
bool is_of_cache(std::string const& name, CacheDirectory::File& file) {
  std::string_view rest = name;
  bool const is_part = rest.starts_with('.');
  if (is_part) rest.remove_prefix(1);
  if (!is_key(rest.substr(0, key_digits))) return false;
  file.key = rest.substr(0, key_digits);
  rest.remove_prefix(key_digits);
  if (is_part ? !rest.ends_with(".part") : !(rest.empty() || rest.ends_with(".h5"))) return false;
  file.kind = is_part        ? CacheDirectory::Kind::part
              : rest.empty() ? CacheDirectory::Kind::entry
                             : CacheDirectory::Kind::array;
  return true;
}

}  // namespace

CacheDirectory CacheDirectory::make(std::string const& path) {
  fs::path directory = absolute_path(path);
  make_directory(directory);
  auto const version = version_of(directory);
  check_version(directory, version);
  if (version == 0) {
    if (!has_no_files(directory)) throw unusable(directory, "it is not empty, and no cache of the farm");
    write_tag(directory);
  }
  return CacheDirectory{std::move(directory)};
}

CacheDirectory CacheDirectory::open(std::string const& path) {
  fs::path directory = absolute_path(path);
  std::error_code error;
  if (!fs::exists(directory, error)) throw unusable(directory, "there is no such directory");
  auto const version = version_of(directory);
  if (version == 0) throw unusable(directory, "it is no cache of the farm");
  check_version(directory, version);
  return CacheDirectory{std::move(directory)};
}

fs::path CacheDirectory::entry(CacheKey const& key) const {
  auto const text = key.text();
  return path_ / text.substr(0, directory_digits) / text;
}

fs::path CacheDirectory::new_file(CacheKey const& key, std::string const& ending) const {
  static std::atomic<std::uint64_t> count{0};
  thread_local std::mt19937_64 random{std::random_device{}()};
  auto const text = key.text();
  bool const is_part = ending == ".part";
  return path_ / text.substr(0, directory_digits) /
         fmt::format("{}{}.{}-{}-{:016x}{}", is_part ? "." : "", text, getpid(), ++count, random(), ending);
}

void CacheDirectory::for_each(std::function<void(File const&)> const& use) const {
  for (auto const& directory : fs::directory_iterator{path_}) {
    auto const digits = directory.path().filename().string();
    if (digits.size() != directory_digits || !directory.is_directory()) continue;
    for (auto const& entry : fs::directory_iterator{directory}) {
      File file{.path = entry.path()};
      if (is_of_cache(entry.path().filename().string(), file)) use(file);
    }
  }
}

}  // namespace farm::detail
