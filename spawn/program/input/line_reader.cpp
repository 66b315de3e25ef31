#include "spawn/program/input/line_reader.hpp"

#include "core/text/byte_order_mark.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

constexpr std::size_t block = std::size_t{1} << 16U;

}  // namespace

LineReader::LineReader(std::string const& option, std::string path) : path_(std::move(path)) {
  if (path_ == "-") {
    descriptor_ = STDIN_FILENO;
  } else {
    file_ = Descriptor{open(path_.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file_) throw std::system_error(errno, std::generic_category(), option + ' ' + path_);
    descriptor_ = file_.get();
  }
  struct stat status {};
  if (fstat(descriptor_, &status) != 0) throw std::system_error(errno, std::generic_category(), option + ' ' + path_);
  if (S_ISDIR(status.st_mode)) throw std::system_error(EISDIR, std::generic_category(), option + ' ' + path_);
  is_regular_ = path_ != "-" && S_ISREG(status.st_mode);
}

LineReader::State LineReader::next(std::string& line) {
  for (;;) {
    auto const end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      take_line(line, end);
      begin_ = scanned_ = end + 1;
      return State::line;
    }
    scanned_ = buffer_.size();
    if (at_end_) {
      if (begin_ == buffer_.size()) return State::end;
      take_line(line, buffer_.size());
      begin_ = scanned_ = buffer_.size();
      return State::line;
    }
    if (!is_readable()) return State::wait;
    read_more();
  }
}

bool LineReader::is_readable() const {
  if (is_regular_) return true;
  pollfd request{.fd = descriptor_, .events = POLLIN, .revents = 0};
  return poll(&request, 1, 0) > 0;
}

void LineReader::read_more() {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  auto const size = buffer_.size();
  buffer_.resize(size + block);
  auto const count = read(descriptor_, buffer_.data() + size, block);
  buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  if (count == 0) at_end_ = true;
  if (count < 0 && errno != EINTR && errno != EAGAIN) throw std::system_error(errno, std::generic_category(), name());
}

void LineReader::take_line(std::string& line, std::size_t end) {
  line.assign(buffer_, begin_, end - begin_);
  if (++number_ == 1) remove_byte_order_mark(line);
  if (line.ends_with('\r')) line.pop_back();
}

}  // namespace farm::detail
