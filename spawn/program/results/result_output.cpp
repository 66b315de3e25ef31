#include "spawn/program/results/result_output.hpp"

#include "spawn/program/output.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

using namespace std::chrono_literals;
constexpr auto sync_interval = 1s;

/// Returns true if a run that was cut off has left a line without its end. The next line must not be glued to it.
bool lacks_line_end(int file) {
  struct stat status {};
  char last = '\n';
  bool const has_content = fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  return has_content && pread(file, &last, 1, status.st_size - 1) == 1 && last != '\n';
}

}  // namespace

ResultOutput::ResultOutput(std::string path, bool in_order) : path_(std::move(path)), in_order_(in_order) {
  if (path_.empty()) return;
  file_ = Descriptor{open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666)};
  if (!file_ && errno != EISDIR) file_ = Descriptor{open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)};  // a pipe
  if (!file_) throw std::system_error(errno, std::generic_category(), "--output " + path_);
  if (lacks_line_end(file_.get())) lines_ += '\n';
}

void ResultOutput::add(std::size_t index, std::optional<std::string> text) {
  auto line = text ? *std::move(text) + '\n' : std::string{};
  if (file_ || !in_order_) {
    lines_ += line;
    return;
  }
  held_[index] = std::move(line);
  for (auto first = held_.begin(); first != held_.end() && first->first == next_; first = held_.begin(), ++next_) {
    lines_ += first->second;
    held_.erase(first);
  }
}

void ResultOutput::flush() {
  if (file_) {
    write_file();
    if (!is_synced_ && std::chrono::steady_clock::now() >= next_sync()) sync();
    return;
  }
  print_out(std::exchange(lines_, {}), true);
}

void ResultOutput::write_file() {
  std::size_t written = 0;
  while (written < lines_.size()) {
    auto const end = lines_.find('\n', written) + 1;  // each record has a write of its own
    auto const count = write(file_.get(), lines_.data() + written, end - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      lines_.erase(0, written);
      throw std::system_error(errno, std::generic_category(), "--output " + path_);
    }
    written += static_cast<std::size_t>(count);
    is_synced_ = false;
  }
  lines_.clear();
}

void ResultOutput::sync() {
  is_synced_ = true;
  synced_ = std::chrono::steady_clock::now();
  if (!can_sync_ || fdatasync(file_.get()) == 0) return;
  can_sync_ = false;
  if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
    throw std::system_error(errno, std::generic_category(), "--output " + path_);
}

void ResultOutput::finish() {
  for (auto const& [index, line] : std::exchange(held_, {})) lines_ += line;
  flush();
  if (file_ && !is_synced_) sync();
}

std::chrono::steady_clock::time_point ResultOutput::next_sync() const {
  return is_synced_ ? std::chrono::steady_clock::time_point::max() : synced_ + sync_interval;
}

}  // namespace farm::detail
