#include "spawn/succession/answer_log.hpp"

#include "spawn/wire/shared_memory.hpp"

#include <fmt/format.h>

#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <string>
#include <system_error>
#include <utility>

namespace farm::detail {

struct LogMemory::Head {
  std::atomic<std::uint32_t> locked{0};
  std::uint32_t device_count = 0;
  std::array<std::int32_t, 64> devices{};
  LoggedTask latest{};
  std::int64_t latest_since = 0;  ///< nanoseconds of the steady clock
  std::atomic<std::uint64_t> answered{0};
  std::uint64_t last_id = 0;
  std::size_t begin = 0;  ///< of the first answer, in data()
  std::size_t end = 0;    ///< of the last one
};

namespace {

using Clock = std::chrono::steady_clock;

/// The head has so many bytes of the memory for itself.
constexpr std::size_t head_size = 1024;
constexpr std::size_t first_size = 4096;
/// An empty log that is larger gives its memory back.
constexpr std::size_t most_kept = std::size_t{1} << 20U;
/// A rank that was stopped while it has the lock must not stop its guard.
constexpr auto lock_limit = std::chrono::seconds{2};

/// The start of an answer in the log. Its frames follow, up to the next multiple of 8.
struct Entry {
  LoggedTask task;
  std::uint32_t confirmed = 0;
  std::uint64_t size = 0;  ///< of the frames
};

constexpr std::size_t size_of_entry(std::size_t frames) { return sizeof(Entry) + (frames + 7) / 8 * 8; }

[[noreturn]] void fail(char const* function) { throw std::system_error(errno, std::generic_category(), function); }

/// Keeps the other process from the log.
class Locked {
 public:
  explicit Locked(LogMemory& memory) noexcept : memory_(memory) {
    auto const start = Clock::now();
    while (memory_.head().locked.exchange(1, std::memory_order_acquire) != 0) {
      if (Clock::now() - start > lock_limit) break;
      sched_yield();
    }
  }
  Locked(Locked const&) = delete;
  Locked& operator=(Locked const&) = delete;
  ~Locked() { memory_.head().locked.store(0, std::memory_order_release); }

 private:
  LogMemory& memory_;  ///< which may move meanwhile
};

std::int64_t now() { return Clock::now().time_since_epoch().count(); }

Entry entry_at(char const* where) {
  Entry entry;
  std::memcpy(&entry, where, sizeof entry);
  return entry;
}

}  // namespace

LogMemory::LogMemory(Descriptor descriptor) : descriptor_(std::move(descriptor)) { follow(); }

LogMemory::LogMemory(LogMemory&& other) noexcept
    : descriptor_(std::move(other.descriptor_)),
      head_(std::exchange(other.head_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

LogMemory& LogMemory::operator=(LogMemory&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(head_, other.head_);
  std::swap(size_, other.size_);
  return *this;
}

LogMemory::~LogMemory() { unmap_memory(head_, size_); }

char* LogMemory::data() const noexcept { return reinterpret_cast<char*>(head_) + head_size; }
std::size_t LogMemory::room() const noexcept { return size_ - head_size; }

void LogMemory::map(std::size_t size) {
  static_assert(sizeof(Head) <= head_size);
  void* const memory = head_ == nullptr ? map_memory(descriptor_, size) : mremap(head_, size_, size, MREMAP_MAYMOVE);
  if (memory == MAP_FAILED) fail("mremap");
  head_ = static_cast<Head*>(memory);
  size_ = size;
}

void LogMemory::grow(std::size_t room) {
  std::size_t size = size_;
  while (size < room + head_size) size *= 2;
  if (size == size_) return;
  if (ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0) fail("ftruncate");
  map(size);
}

void LogMemory::follow() {
  struct stat status {};
  if (fstat(descriptor_.get(), &status) != 0) fail("fstat");
  auto const size = static_cast<std::size_t>(status.st_size);
  if (size < head_size) throw std::system_error(EINVAL, std::generic_category(), "the log of a rank");
  if (size != size_) map(size);
}

AnswerLog::AnswerLog() : memory_(create_memory(first_size)) { new (&memory_.head()) LogMemory::Head; }

void AnswerLog::note(LoggedTask const& task) noexcept {
  auto& head = memory_.head();
  Locked const locked{memory_};
  head.latest = task;
  head.latest_since = now();
  head.last_id = std::max(head.last_id, task.id);
}

/// Moves the answers to the start of the memory if this makes enough room, else makes the memory larger.
void AnswerLog::make_room(std::size_t size) {
  auto& head = memory_.head();
  if (head.end + size <= memory_.room()) return;
  auto const used = head.end - head.begin;
  if (used + size > memory_.room() / 2) memory_.grow(2 * (used + size));
  auto& moved = memory_.head();
  std::memmove(memory_.data(), memory_.data() + moved.begin, used);
  moved.begin = 0;
  moved.end = used;
}

void AnswerLog::add(std::string_view frames) {
  Locked const locked{memory_};
  auto const task = memory_.head().latest;
  auto const early =
      std::find(confirmed_early_.begin(), confirmed_early_.end(), static_cast<std::uint32_t>(task.index));
  bool const is_kept = task.tag != 0 && early == confirmed_early_.end();
  if (early != confirmed_early_.end()) confirmed_early_.erase(early);
  if (is_kept) {
    auto const size = size_of_entry(frames.size());
    make_room(size);
    auto& head = memory_.head();
    Entry const entry{.task = task, .confirmed = 0, .size = frames.size()};
    std::memcpy(memory_.data() + head.end, &entry, sizeof entry);
    std::memcpy(memory_.data() + head.end + sizeof entry, frames.data(), frames.size());
    head.end += size;
  }
  memory_.head().answered = task.index + 1;
}

void AnswerLog::confirm(std::vector<std::uint32_t> const& indices) {
  auto& head = memory_.head();
  Locked const locked{memory_};
  auto at = head.begin;  // answers are mostly confirmed in order
  for (auto const index : indices) {
    auto const is_at = [&](std::size_t offset) {
      return static_cast<std::uint32_t>(entry_at(memory_.data() + offset).task.index) == index;
    };
    auto const find = [&](std::size_t begin, std::size_t end) {
      while (begin < end && !is_at(begin)) begin += size_of_entry(entry_at(memory_.data() + begin).size);
      return begin;
    };
    auto found = find(at, head.end);
    if (found >= head.end) {
      found = find(head.begin, at);
      if (found >= at) found = head.end;
    }
    if (found >= head.end) {
      if (static_cast<std::int32_t>(index - static_cast<std::uint32_t>(head.answered)) >= 0)
        confirmed_early_.push_back(index);
      continue;
    }
    auto entry = entry_at(memory_.data() + found);
    entry.confirmed = 1;
    std::memcpy(memory_.data() + found, &entry, sizeof entry);
    at = found;
  }
  while (head.begin < head.end) {
    auto const entry = entry_at(memory_.data() + head.begin);
    if (entry.confirmed == 0) break;
    head.begin += size_of_entry(entry.size);
  }
  if (head.begin < head.end) return;
  head.begin = head.end = 0;
  if (memory_.room() > most_kept)
    fallocate(memory_.descriptor(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, first_size,
              static_cast<off_t>(memory_.room() + head_size - first_size));
}

void AnswerLog::set_devices(std::vector<int> const& devices) noexcept {
  auto& head = memory_.head();
  Locked const locked{memory_};
  head.device_count = static_cast<std::uint32_t>(std::min(devices.size(), head.devices.size()));
  std::copy_n(devices.begin(), head.device_count, head.devices.begin());
}

void AnswerLog::each_from(std::uint64_t index, std::function<void(std::string_view)> const& f) const {
  auto const& head = memory_.head();
  for (auto at = head.begin; at < head.end;) {
    auto const entry = entry_at(memory_.data() + at);
    if (entry.task.index >= index) f({memory_.data() + at + sizeof entry, entry.size});
    at += size_of_entry(entry.size);
  }
}

AnswerLogView::AnswerLogView(int rank, int descriptor) {
  auto const path = fmt::format("/proc/{}/fd/{}", rank, descriptor);
  Descriptor memory{open(path.c_str(), O_RDWR | O_CLOEXEC)};
  if (!memory) fail("open the log of a rank");
  memory_ = LogMemory{std::move(memory)};
}

LogContent AnswerLogView::read(bool rank_lives) {
  if (!rank_lives) memory_.head().locked = 0;
  Locked const locked{memory_};
  memory_.follow();
  auto const& head = memory_.head();
  LogContent content{.answered = head.answered, .last_id = head.last_id, .latest = head.latest};
  content.latest_seconds = static_cast<double>(now() - head.latest_since) * 1e-9;
  content.devices.assign(head.devices.begin(), head.devices.begin() + std::min<std::size_t>(head.device_count, 64));
  auto const end = std::min(head.end, memory_.room());
  for (auto at = head.begin; at + sizeof(Entry) <= end;) {
    auto const entry = entry_at(memory_.data() + at);
    if (entry.size > end - at - sizeof entry) break;
    if (entry.confirmed == 0)
      content.answers.push_back({entry.task, Bytes{memory_.data() + at + sizeof entry, entry.size}});
    at += size_of_entry(entry.size);
  }
  return content;
}

std::uint64_t AnswerLogView::answered() const noexcept { return memory_.head().answered; }

}  // namespace farm::detail
