#include "spawn/output/tag_log.hpp"

#include "spawn/isolation/watched_calls.hpp"
#include "spawn/output/task_output.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

Descriptor opened(std::string const& path, int flags) {
  Descriptor file{::open(path.c_str(), flags | O_CREAT | O_CLOEXEC, 0600)};
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  return file;
}

/// Returns the first word of the line in which the index ends: where the last attempt's bytes end. 0 if it is empty.
std::uint64_t indexed_end(std::string const& path) {
  Descriptor const file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  struct stat status {};
  if (!file || fstat(file.get(), &status) != 0 || status.st_size == 0) return 0;
  std::string tail(static_cast<std::size_t>(std::min<off_t>(status.st_size, 120)), '\0');
  auto const count = pread(file.get(), tail.data(), tail.size(), status.st_size - static_cast<off_t>(tail.size()));
  if (count <= 1) return 0;
  tail.resize(static_cast<std::size_t>(count));
  auto const blank = tail.find_last_of(' ');
  return blank == std::string::npos ? 0 : std::strtoull(tail.c_str() + blank, nullptr, 10);
}

}  // namespace

TagLog::TagLog(std::string_view pattern, std::uint64_t group, int rank)
    : directory_(pattern.substr(0, pattern.find_last_of('/') + 1)), name_(fmt::format("{}.{}", group, rank)) {}

TagLog::~TagLog() {
  leave();
  if (now_ != nullptr) munmap(now_, sizeof *now_);
}

std::uint64_t TagLog::size() const noexcept {
  struct stat status {};
  return fstat(log_.get(), &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

void TagLog::add_line(Now const& now, std::uint64_t end) const noexcept {
  char line[100];  // NOLINT: filled by the next line
  auto const written = fmt::format_to_n(static_cast<char*>(line), sizeof line, "{} {} {} {}\n", now.tag & 0xffffffffU,
                                        now.attempt, now.begin, end);
  static_cast<void>(!write(index_.get(), static_cast<char*>(line), written.size));
}

/// Opens the files of a job. If an earlier process with this group and rank has died during a task, its bytes get their
/// line now.
void TagLog::open(std::uint64_t job) {
  leave();
  if (now_ != nullptr) munmap(std::exchange(now_, nullptr), sizeof *now_);
  auto const directory = fmt::format("{}{}", directory_, job);
  std::error_code ignored;
  std::filesystem::create_directory(directory, ignored);
  auto const path = fmt::format("{}/{}", directory, name_);
  log_ = opened(path + ".log", O_WRONLY | O_APPEND);
  index_ = opened(path + ".index", O_WRONLY | O_APPEND);
  auto const now = opened(path + ".now", O_RDWR);
  if (ftruncate(now.get(), sizeof(Now)) != 0) throw std::system_error(errno, std::generic_category(), path + ".now");
  void* const mapped = mmap(nullptr, sizeof(Now), PROT_READ | PROT_WRITE, MAP_SHARED, now.get(), 0);
  if (mapped == MAP_FAILED) throw std::system_error(errno, std::generic_category(), path + ".now");
  now_ = static_cast<Now*>(mapped);
  if (now_->tag != 0 && size() > indexed_end(path + ".index")) add_line(*now_, size());
  job_ = job;
}

bool TagLog::begin(std::uint64_t tag, std::uint32_t attempt) {
  bool const is_new = (tag >> 32U) != job_;
  if (is_new) open(tag >> 32U);
  *now_ = {tag, attempt, size()};
  if (saved_out_) return false;
  flush_output();
  saved_out_ = Descriptor{fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)};
  saved_err_ = Descriptor{fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)};
  dup2(log_.get(), STDOUT_FILENO);
  dup2(log_.get(), STDERR_FILENO);
  forget_output_descriptors();
  return true;
}

void TagLog::end() noexcept {
  if (now_ == nullptr || now_->tag == 0) return;
  auto const end = size();
  if (end > now_->begin) add_line(*now_, end);
  now_->tag = 0;
}

bool TagLog::leave() noexcept {
  if (!saved_out_) return false;
  flush_output();
  dup2(saved_out_.get(), STDOUT_FILENO);
  dup2(saved_err_.get(), STDERR_FILENO);
  saved_out_ = Descriptor{};
  saved_err_ = Descriptor{};
  forget_output_descriptors();
  return true;
}

}  // namespace farm::detail
