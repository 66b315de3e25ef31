#pragma once

#include <sys/mman.h>
#include <unistd.h>
#include <cstdio>
#include <string>

/// Redirects descriptor 1 or 2 of this process to a file, as long as the object exists, and returns the file's text.
class Captured {
 public:
  explicit Captured(int number) : number_(number), saved_(dup(number)), file_(memfd_create("captured", MFD_CLOEXEC)) {
    std::fflush(nullptr);
    dup2(file_, number);
  }
  Captured(Captured const&) = delete;
  Captured& operator=(Captured const&) = delete;
  ~Captured() {
    std::fflush(nullptr);
    dup2(saved_, number_);
    close(saved_);
    close(file_);
  }

  [[nodiscard]] std::string text() const {
    std::fflush(nullptr);
    std::string text(static_cast<std::size_t>(lseek(file_, 0, SEEK_END)), '\0');
    std::size_t size = 0;
    while (size < text.size()) {
      auto const count = pread(file_, text.data() + size, text.size() - size, static_cast<off_t>(size));
      if (count <= 0) break;
      size += static_cast<std::size_t>(count);
    }
    text.resize(size);
    return text;
  }

 private:
  int number_;
  int saved_;
  int file_;
};
