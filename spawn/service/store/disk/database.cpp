#include "spawn/service/store/disk/database.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace farm::detail {
namespace {

constexpr int busy_milliseconds = 5000;

int on_commit(void* pages, sqlite3* /*handle*/, char const* /*name*/, int count) {
  *static_cast<int*>(pages) = count;
  return SQLITE_OK;
}

bool is_about_locks(int extended_code) {
  switch (extended_code) {
    case SQLITE_IOERR_LOCK:
    case SQLITE_IOERR_RDLOCK:
    case SQLITE_IOERR_UNLOCK:
    case SQLITE_IOERR_CHECKRESERVEDLOCK:
    case SQLITE_IOERR_SHMLOCK:
    case SQLITE_IOERR_SHMMAP:
    case SQLITE_IOERR_SHMOPEN:
    case SQLITE_PROTOCOL:
      return true;
    default:
      return false;
  }
}

int flags_of(Database::Access access) {
  if (access == Database::Access::read) return SQLITE_OPEN_READONLY;
  return access == Database::Access::write ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
}

}  // namespace

std::string meaning_of(int extended_code, int system, std::string const& message) {
  auto const primary = extended_code & 0xff;
  if (primary == SQLITE_FULL || system == ENOSPC) return "the disk is full";
  auto const reason = system == 0 ? message : std::generic_category().message(system);
  if (is_about_locks(extended_code))
    return fmt::format("its file system does not lock files as SQLite needs it ({}); choose another directory", reason);
  if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB) return fmt::format("it is damaged ({})", message);
  if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED) return "another process keeps it locked";
  if (primary == SQLITE_READONLY) return "it is read-only";
  if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN) return reason;
  return message;
}

bool DatabaseError::says_damaged() const {
  auto const primary = code_ & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB || primary == SQLITE_ERROR;
}

bool DatabaseError::says_read_only() const { return (code_ & 0xff) == SQLITE_READONLY; }

void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close(handle); }

Database::Database(std::filesystem::path file, Access access) : file_{std::move(file)} {
  sqlite3* handle = nullptr;
  auto const code = sqlite3_open_v2(file_.c_str(), &handle, flags_of(access) | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) fail("cannot open", code);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, busy_milliseconds);
  sqlite3_wal_hook(handle, &on_commit, log_pages_.get());  // instead of SQLite's own checkpoints
}

void Database::fail(char const* doing, int code) const {
  auto* const handle = handle_.get();
  auto const system = handle == nullptr ? 0 : sqlite3_system_errno(handle);
  auto const extended = handle == nullptr ? code : sqlite3_extended_errcode(handle);
  std::string const message = handle == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle);
  // SQLite keeps the errno of an earlier error
  auto const is_io = (extended & 0xff) == SQLITE_IOERR || (extended & 0xff) == SQLITE_CANTOPEN;
  throw DatabaseError{
      fmt::format("{} {}: {}", doing, file_.string(), meaning_of(extended, is_io ? system : 0, message)), message,
      extended};
}

void Database::execute(std::string const& sql) {
  auto const code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail("cannot use", code);
}

std::int64_t Database::integer(std::string const& sql) {
  Statement statement{*this, sql};
  auto rows = statement.rows();
  return rows.next() ? rows.integer(0) : 0;
}

std::string Database::text(std::string const& sql) {
  Statement statement{*this, sql};
  auto rows = statement.rows();
  return rows.next() ? std::string{rows.text(0)} : std::string{};
}

void Database::keep_log() { sqlite3_db_config(handle_.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }

void Database::checkpoint() noexcept {
  sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  *log_pages_ = 0;
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }

Statement::Statement(Database& database, std::string_view sql) : database_{&database} {
  sqlite3_stmt* handle = nullptr;
  auto const code = sqlite3_prepare_v3(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                       SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  handle_.reset(handle);
  if (code != SQLITE_OK) database.fail("cannot read", code);
}

void Statement::bind(Row const& values) {
  auto* const handle = handle_.get();
  for (std::size_t i = 0; i < values.size(); ++i) {
    auto const& value = values[i];
    auto const parameter = static_cast<int>(i) + 1;
    auto code = SQLITE_OK;
    if (value.type == Cell::Type::null) {
      code = sqlite3_bind_null(handle, parameter);
    } else if (value.type == Cell::Type::integer) {
      code = sqlite3_bind_int64(handle, parameter, value.integer);
    } else {
      auto const* const text = value.text.empty() ? "" : value.text.data();
      code = sqlite3_bind_text64(handle, parameter, text, value.text.size(), SQLITE_STATIC, SQLITE_UTF8);
    }
    if (code != SQLITE_OK) database_->fail("cannot use", code);
  }
}

Statement::Rows Statement::rows(Row const& values) {
  bind(values);
  return Rows{*this};
}

void Statement::run(Row const& values) {
  auto all = rows(values);
  while (all.next()) {
  }
}

Statement::Rows::~Rows() { sqlite3_reset(statement_.handle_.get()); }

bool Statement::Rows::next() {
  auto* const handle = statement_.handle_.get();
  auto const code = sqlite3_step(handle);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  statement_.database_->fail(sqlite3_stmt_readonly(handle) != 0 ? "cannot read" : "cannot write", code);
}

std::int64_t Statement::Rows::integer(int column) const {
  return sqlite3_column_int64(statement_.handle_.get(), column);
}

std::string_view Statement::Rows::text(int column) const {
  auto* const handle = statement_.handle_.get();
  auto const* const text = sqlite3_column_blob(handle, column);
  if (text == nullptr) return {};
  return {static_cast<char const*>(text), static_cast<std::size_t>(sqlite3_column_bytes(handle, column))};
}

Row Statement::Rows::row() const {
  auto* const handle = statement_.handle_.get();
  Row row(static_cast<std::size_t>(sqlite3_column_count(handle)));
  for (std::size_t i = 0; i < row.size(); ++i) {
    auto const column = static_cast<int>(i);
    auto const type = sqlite3_column_type(handle, column);
    if (type == SQLITE_INTEGER) row[i] = integer(column);
    if (type == SQLITE_TEXT) row[i] = text(column);
  }
  return row;
}

}  // namespace farm::detail
