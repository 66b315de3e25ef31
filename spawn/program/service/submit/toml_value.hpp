#pragma once

#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <farm/detail/text_value.hpp>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Values of a TOML file, with their places for errors. Each function throws TypingError, which begins with
/// "FILE:LINE:COLUMN: ", if the value is of another type or out of range. Include this in sources only.
namespace farm::detail {

class TomlValue {
 public:
  using Reader = std::function<void(TomlValue const&)>;

  /// Refers to the node and the name of the file.
  TomlValue(toml::node const& node, std::string const& file, std::string key)
      : node_(node), file_(file), key_(std::move(key)) {}

  /// Calls the reader of each key that the table has, in the order of the readers. Unknown keys are refused, with the
  /// nearest word.
  void read_table(std::initializer_list<std::pair<char const*, Reader>> readers) const;
  /// Calls the reader for each item of the array.
  void each(Reader const& reader) const;

  [[nodiscard]] bool is_array() const { return node_.is_array(); }
  [[nodiscard]] bool is_text() const { return node_.is_string(); }
  [[nodiscard]] std::string text() const;
  [[nodiscard]] std::vector<std::string> texts() const;
  [[nodiscard]] bool boolean() const;
  [[nodiscard]] std::int64_t whole(std::int64_t least, std::int64_t most) const;
  [[nodiscard]] int small(int least) const;
  /// A time: "10m", or a number of seconds.
  [[nodiscard]] double seconds() const;
  /// A size: "2GiB", or a number of bytes.
  [[nodiscard]] std::int64_t bytes() const;
  [[nodiscard]] std::map<std::string, std::int64_t> amounts() const;
  /// Values of variables: texts, or numbers, which become texts.
  [[nodiscard]] std::map<std::string, std::string> variables() const;
  /// Any value, as JSON has it; dates and times become texts.
  [[nodiscard]] TextValue json() const;

  [[noreturn]] void refuse(std::string const& why) const;

 private:
  [[noreturn]] void expect(std::string const& what) const;

  toml::node const& node_;
  std::string const& file_;
  std::string key_;
};

}  // namespace farm::detail
