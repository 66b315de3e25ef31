#include "spawn/service/store/disk/acknowledged.hpp"

#include "io/files/hash.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>

namespace farm::detail {
namespace {

constexpr std::size_t text_bytes = 240;

std::string hash_of(std::string_view text) {
  Hash hash;
  hash.add(text.data(), text.size());
  return fmt::format("{:016x}", hash.take());
}

/// Returns the text, padded to the same size for all counters, so that it overwrites the last one.
std::string text_of(Counters const& c) {
  auto const text = fmt::format("format {} commits {} next_job {} jobs {} versions {} ends {} groups {}", c.format,
                                c.commits, c.next_job, c.jobs, c.versions, c.ends, c.groups);
  return fmt::format("{:<{}}\n", fmt::format("{} checksum {}", text, hash_of(text)), text_bytes - 1);
}

std::optional<Counters> counters_of_text(std::string const& text) {
  Counters c;
  std::array<std::pair<std::string_view, std::int64_t*>, 7> const numbers{{{"format", &c.format},
                                                                           {"commits", &c.commits},
                                                                           {"next_job", &c.next_job},
                                                                           {"jobs", &c.jobs},
                                                                           {"versions", &c.versions},
                                                                           {"ends", &c.ends},
                                                                           {"groups", &c.groups}}};
  std::istringstream words{text};
  std::string name;
  for (auto const& [expected, number] : numbers) {
    if (!(words >> name >> *number) || name != expected) return std::nullopt;
  }
  if (text != text_of(c)) return std::nullopt;
  return c;
}

}  // namespace

std::filesystem::path AcknowledgedFile::path_in(std::filesystem::path const& directory) {
  return directory / "queue.acknowledged";
}

AcknowledgedFile::AcknowledgedFile(std::filesystem::path const& directory)
    : descriptor_{::open(path_in(directory).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)} {
  if (descriptor_ < 0)
    throw StoreError{
        fmt::format("cannot write {}: {}", path_in(directory).string(), std::generic_category().message(errno))};
}

AcknowledgedFile::~AcknowledgedFile() { ::close(descriptor_); }

void AcknowledgedFile::write(Counters const& counters) noexcept {
  try {
    auto const text = text_of(counters);
    static_cast<void>(::pwrite(descriptor_, text.data(), text.size(), 0) == 0);
  } catch (std::exception const&) {  // no memory
  }
}

AcknowledgedFile::Content AcknowledgedFile::read(std::filesystem::path const& directory) {
  std::ifstream stream{path_in(directory), std::ios::binary};
  if (!stream) return {};
  std::ostringstream text;
  text << stream.rdbuf();
  if (text.str().empty()) return {};  // made, and not yet written
  return {.exists = true, .counters = counters_of_text(text.str())};
}

}  // namespace farm::detail
