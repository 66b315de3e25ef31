#pragma once

#include "spawn/service/store/disk/store_error.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

/// SQLite, as the store uses it: connections, statements, and errors for people.
namespace farm::detail {

/// What SQLite has refused. The text names the file.
class DatabaseError : public StoreError {
 public:
  DatabaseError(std::string const& text, std::string message, int code)
      : StoreError{text}, message_{std::move(message)}, code_{code} {}
  /// Returns what SQLite says.
  [[nodiscard]] std::string const& message() const { return message_; }
  /// Returns true if the file is no database, or one that contradicts itself.
  [[nodiscard]] bool says_damaged() const;
  [[nodiscard]] bool says_read_only() const;

 private:
  std::string message_;
  int code_;
};

/// A value of a row. A text is not owned.
struct Cell {
  enum class Type : std::uint8_t { null, integer, text };
  Cell() = default;
  Cell(std::int64_t value) : type{Type::integer}, integer{value} {}  // NOLINT(google-explicit-constructor)
  Cell(std::string_view value) : type{Type::text}, text{value} {}    // NOLINT(google-explicit-constructor)
  Cell(std::string const& value) : type{Type::text}, text{value} {}  // NOLINT(google-explicit-constructor)

  Type type = Type::null;
  std::int64_t integer = 0;
  std::string_view text;
};
using Row = std::vector<Cell>;

/// A connection. One thread uses it at a time. All functions throw DatabaseError.
class Database {
 public:
  enum class Access : std::uint8_t { read, write, create };

  Database(std::filesystem::path file, Access access);

  void execute(std::string const& sql);
  /// Runs statements, and returns the first value of the first row of the last one; 0 or "" without rows.
  [[nodiscard]] std::int64_t integer(std::string const& sql);
  [[nodiscard]] std::string text(std::string const& sql);
  /// Closing the last connection leaves the write-ahead log as it is.
  void keep_log();
  /// Copies the write-ahead log into the file, as far as readers permit it. What fails is left to the next time.
  void checkpoint() noexcept;
  /// Returns how many pages the write-ahead log had after the last commit on this connection.
  [[nodiscard]] int log_pages() const { return *log_pages_; }
  [[nodiscard]] std::filesystem::path const& file() const { return file_; }

  [[nodiscard]] sqlite3* handle() const { return handle_.get(); }
  /// Throws DatabaseError for the last error of the connection. `doing`: "cannot read", "cannot write".
  [[noreturn]] void fail(char const* doing, int code) const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  std::filesystem::path file_;
  std::unique_ptr<int> log_pages_ = std::make_unique<int>(0);  // the hook's, which may not move
  std::unique_ptr<sqlite3, Close> handle_;
};

/// A prepared statement. It refers to its connection.
class Statement {
 public:
  /// The rows that one run of a statement yields. Ends the run when it goes. Texts are valid up to the next row.
  class Rows {
   public:
    explicit Rows(Statement& statement) : statement_{statement} {}
    ~Rows();
    Rows(Rows const&) = delete;
    Rows& operator=(Rows const&) = delete;
    [[nodiscard]] bool next();
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::string_view text(int column) const;
    /// Returns the whole row.
    [[nodiscard]] Row row() const;

   private:
    Statement& statement_;
  };

  Statement(Database& database, std::string_view sql);

  /// Runs it with these values for its parameters; `run` expects no rows.
  [[nodiscard]] Rows rows(Row const& values = {});
  void run(Row const& values = {});

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  void bind(Row const& values);

  Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> handle_;
};

/// Returns what an error of SQLite means for the user: "the disk is full". `system` is the errno behind it, 0: none.
[[nodiscard]] std::string meaning_of(int extended_code, int system, std::string const& message);

}  // namespace farm::detail
