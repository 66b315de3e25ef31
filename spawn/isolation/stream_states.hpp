#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <ios>
#include <locale>
#include <ostream>
#include <streambuf>

namespace farm::detail {

/// The state of the C++ standard streams of narrow characters (std::cout, cerr, clog and cin) and of C's stdin, stdout
/// and stderr.
class StreamStates {
 public:
  /// Notes the present state.
  StreamStates();

  /// Restores the buffers of the C++ streams. Call it before the streams are flushed: a task may have given them a
  /// buffer that no longer exists.
  void restore_buffers();
  /// Returns true if restore() has something to do.
  [[nodiscard]] bool have_changed() const;
  /// Restores all but the buffers. A stream of C that has become one of wide characters is opened anew: its descriptor
  /// then counts as changed, see watched_calls().
  void restore();

 private:
  static constexpr std::size_t count = 4;
  using Buffers = std::array<std::streambuf*, count>;
  using Word = std::uintptr_t;
  using Image = std::array<Word, sizeof(std::ios) / sizeof(Word)>;

  struct State {
    std::ios* stream;
    std::ios_base::fmtflags flags;
    std::streamsize precision;
    std::streamsize width;
    std::ios::char_type fill;
    std::ios_base::iostate exceptions;
    std::ostream* tie;
    std::locale locale;
    Image image;  ///< the words of the stream object: if they are the same, so is all of the above
  };

  [[nodiscard]] static Buffers buffers();
  [[nodiscard]] static State state_of(std::ios& stream);
  [[nodiscard]] static Image image_of(std::ios const& stream);
  [[nodiscard]] static bool has_changed(State const& state);
  void restore_cpp_streams();
  void restore_c_streams() const;

  std::array<State, count> states_;
  Buffers buffers_;
  bool synced_;            ///< the C++ streams with those of C
  bool line_buffered_;     ///< stdout
  bool out_was_wide_;      ///< stdout
  bool errors_were_wide_;  ///< stderr
};

}  // namespace farm::detail
