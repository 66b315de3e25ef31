#pragma once

#include "core/base/descriptor.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace farm::detail {

/// What a rank prints during tasks that have tags goes to a file of its group's rank in the directory of the job, which
/// is the upper half of the tag; the lower half is the task. A second file, the index, says which bytes are whose: a
/// line "TASK ATTEMPT BEGIN END" for each attempt that has printed. A third, "now", holds the task that runs, so that
/// its output is found while it runs, and if the rank dies.
///
/// Used on one thread. The files are DIRECTORY/JOB/GROUP.RANK.log, .index and .now.
class TagLog {
 public:
  /// What `now` holds: the bytes from `begin` on are those of this attempt.
  struct Now {
    std::uint64_t tag = 0;
    std::uint64_t attempt = 0;
    std::uint64_t begin = 0;
  };

  /// `pattern` is that of a pool: "DIRECTORY/{job}".
  TagLog(std::string_view pattern, std::uint64_t group, int rank);
  TagLog(TagLog const&) = delete;
  TagLog& operator=(TagLog const&) = delete;
  ~TagLog();

  /// Returns true if the pattern is one for tags.
  [[nodiscard]] static bool is_pattern(std::string_view pattern) { return pattern.ends_with("/{job}"); }

  /// A task begins: stdout and stderr go to the log of its job from now on. Returns true if they were somewhere else
  /// before. Throws std::system_error if the files cannot be written.
  bool begin(std::uint64_t tag, std::uint32_t attempt);
  /// The task that begin() was told has ended, and what it has printed is flushed.
  void end() noexcept;
  /// Lets stdout and stderr be what they were at first. Returns true if they were not.
  bool leave() noexcept;

 private:
  void open(std::uint64_t job);
  void add_line(Now const& now, std::uint64_t end) const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept;

  std::string directory_;
  std::string name_;
  std::uint64_t job_ = 0;  ///< whose log is open; 0: none
  Descriptor log_;
  Descriptor index_;
  Now* now_ = nullptr;  ///< mapped
  Descriptor saved_out_;
  Descriptor saved_err_;
};

}  // namespace farm::detail
