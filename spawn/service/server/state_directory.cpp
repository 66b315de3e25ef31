#include "spawn/service/server/state_directory.hpp"

#include "core/base/host_name.hpp"
#include "spawn/join/handshake.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

namespace fs = std::filesystem;

std::string why() { return std::generic_category().message(errno); }

void make_private(fs::path const& directory) {
  std::error_code error;
  fs::create_directories(directory.parent_path(), error);
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    throw StateError(fmt::format("the state directory {} cannot be made: {}", directory.string(), why()));
  struct stat status {};
  if (stat(directory.c_str(), &status) != 0)
    throw StateError(fmt::format("the state directory {}: {}", directory.string(), why()));
  if (!S_ISDIR(status.st_mode))
    throw StateError(
        fmt::format("the state directory {} is no directory: name another with --dir", directory.string()));
  if (status.st_uid != geteuid()) {
    throw StateError(
        fmt::format("the state directory {} belongs to another user: name another with --dir", directory.string()));
  }
  if ((status.st_mode & 0077) != 0 && chmod(directory.c_str(), 0700) != 0)
    throw StateError(fmt::format("the state directory {} cannot be made private: {}", directory.string(), why()));
}

std::string local_time(double seconds) {
  auto const time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  localtime_r(&time, &parts);
  std::string text(32, '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts));
  return text;
}

/// Returns what the lock file says of the server that holds it.
std::string holder(fs::path const& file) {
  std::ifstream in{file};
  auto const found = nlohmann::json::parse(in, nullptr, false);
  if (!found.is_object()) return "another process";
  return fmt::format("process {} on {}, since {}", found.value("process", 0), found.value("host", "?"),
                     local_time(found.value("since", 0.0)));
}

double unix_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string to_hex(Nonce const& bytes) {
  std::string text;
  for (auto const byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

StateDirectory::StateDirectory(fs::path directory) : directory_(fs::absolute(std::move(directory)).lexically_normal()) {
  if (!directory_.has_filename()) directory_ = directory_.parent_path();
  make_private(directory_);
  auto const path = file("server.lock");
  lock_ = Descriptor{open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  if (!lock_) throw StateError(fmt::format("the state directory {} cannot be written: {}", directory_.string(), why()));
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  // an open file description lock: it holds until the last copy of the descriptor is closed, over NFS, too
  if (fcntl(lock_.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES)
      throw StateError(fmt::format("{} has a server already: {}", directory_.string(), holder(path)));
    throw StateError(fmt::format("the file system of {} has no locks ({}): name another directory with --dir",
                                 directory_.string(), why()));
  }
  nlohmann::json const self{{"host", host_name()}, {"process", getpid()}, {"since", unix_time()}};
  auto const text = self.dump() + "\n";
  if (ftruncate(lock_.get(), 0) != 0 ||
      pwrite(lock_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    throw StateError(fmt::format("the state directory {} cannot be written: {}", directory_.string(), why()));
  }
  unlink(file("server.json").c_str());
  unlink(file("server.sock").c_str());
  for (auto const* const name : {"output", "arrays", "groups", "cache"}) {
    if (mkdir(file(name).c_str(), 0700) != 0 && errno != EEXIST)
      throw StateError(fmt::format("the state directory {} cannot be written: {}", directory_.string(), why()));
  }
}

StateDirectory::~StateDirectory() {
  unlink(file("server.json").c_str());
  unlink(file("server.sock").c_str());
}

void StateDirectory::write(std::string const& name, std::string const& content) const {
  auto const path = file(name).string();
  auto const temporary = path + ".new";
  unlink(temporary.c_str());
  Descriptor const out{open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
  bool const is_written = out &&
                          ::write(out.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
                          fsync(out.get()) == 0 && rename(temporary.c_str(), path.c_str()) == 0;
  if (!is_written) throw StateError(fmt::format("{} cannot be written: {}", path, why()));
}

/// Returns 32 random bytes in hexadecimal, which are the same for all servers of the directory.
std::string StateDirectory::read_or_make(std::string const& name) const {
  std::ifstream in{file(name)};
  std::string text;
  if (std::getline(in, text) && text.size() == 64) return text;
  text = to_hex(random_bytes());
  write(name, text + "\n");
  return text;
}

std::string StateDirectory::token() const { return read_or_make("token"); }
std::string StateDirectory::page_key() const { return read_or_make("page_key"); }

std::array<unsigned char, 32> StateDirectory::key() const {
  auto const text = read_or_make("key");
  std::array<unsigned char, 32> key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<unsigned char>(std::stoi(text.substr(2 * i, 2), nullptr, 16));
  return key;
}

}  // namespace farm::detail
