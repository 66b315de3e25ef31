#include "spawn/service/store/recovery/records.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <string>

namespace farm::detail {
namespace {

// https://sqlite.org/fileformat2.html#b_tree_pages and #record_format
constexpr unsigned char table_leaf = 0x0d;
constexpr std::size_t usable = PageImage::page_size;
constexpr std::size_t most_on_leaf = usable - 35;
constexpr std::size_t least_on_leaf = (usable - 12) * 32 / 255 - 23;
constexpr std::size_t on_other_page = usable - 4;
constexpr std::uint64_t largest_record = 1'000'000'000;  // SQLite's own limit

using Bytes = std::span<unsigned char const>;

/// Takes bytes from the begin of what is left; once something is missing, all that follows is.
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_{bytes} {}

  std::optional<std::uint64_t> number(std::size_t bytes) {
    auto const all = take(bytes);
    if (all.size() != bytes) return std::nullopt;
    std::uint64_t value = 0;
    for (auto const byte : all) value = value << 8 | byte;
    return value;
  }
  /// An integer of 1 to 9 bytes, of which each but the last one has its highest bit set.
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (int i = 0; i < 9; ++i) {
      auto const byte = number(1);
      if (!byte) return std::nullopt;
      if (i == 8) return value << 8 | *byte;
      value = value << 7 | (*byte & 0x7f);
      if ((*byte & 0x80) == 0) return value;
    }
    return value;
  }
  Bytes take(std::uint64_t bytes) {
    auto const count = std::min<std::uint64_t>(bytes, rest_.size());
    auto const taken = rest_.first(static_cast<std::size_t>(count));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  [[nodiscard]] bool is_empty() const { return rest_.empty(); }

 private:
  Bytes rest_;
};

struct LeafCell {
  std::uint64_t size = 0;
  std::int64_t key = 0;
  Bytes begin{};
  std::uint32_t next_page = 0;  // 0: all is in `begin`
};

std::optional<LeafCell> cell_at(PageImage::Page const& page, std::size_t offset) {
  if (offset >= usable) return std::nullopt;
  ByteReader reader{Bytes{page}.subspan(offset)};
  auto const size = reader.varint();
  auto const key = reader.varint();
  if (!size || !key || *size == 0 || *size > largest_record) return std::nullopt;
  LeafCell cell{.size = *size, .key = static_cast<std::int64_t>(*key)};
  if (*size <= most_on_leaf) {
    cell.begin = reader.take(*size);
    return cell.begin.size() == *size ? std::optional{cell} : std::nullopt;
  }
  auto const wished = least_on_leaf + (*size - least_on_leaf) % on_other_page;
  cell.begin = reader.take(wished <= most_on_leaf ? wished : least_on_leaf);
  auto const next = reader.number(4);
  if (!next || *next == 0) return std::nullopt;
  cell.next_page = static_cast<std::uint32_t>(*next);
  return cell;
}

/// Returns the whole record; a shorter one if a page is missing.
std::string assemble(PageImage const& image, LeafCell const& cell, std::size_t moment) {
  std::string record{cell.begin.begin(), cell.begin.end()};
  if (cell.size > (image.file_pages() + image.frames()) * PageImage::page_size) return record;
  PageImage::Page page{};
  for (auto number = cell.next_page; number != 0 && record.size() < cell.size;) {
    if (!image.read(number, moment, page)) break;
    auto const count = std::min<std::uint64_t>(cell.size - record.size(), on_other_page);
    record.append(page.begin() + 4, page.begin() + 4 + static_cast<std::ptrdiff_t>(count));
    number = static_cast<std::uint32_t>(ByteReader{page}.number(4).value_or(0));
  }
  return record;
}

std::int64_t extended(std::uint64_t value, std::size_t bytes) {
  auto const shift = 8 * (8 - bytes);
  return static_cast<std::int64_t>(value << shift) >> shift;
}

/// Returns the value with this serial type; none if the type is not one that the store uses, or bytes are missing.
std::optional<Cell> value_of(std::uint64_t type, ByteReader& body) {
  constexpr std::array<std::size_t, 7> integer_bytes{0, 1, 2, 3, 4, 6, 8};
  if (type == 0) return Cell{};
  if (type == 8) return Cell{std::int64_t{0}};
  if (type == 9) return Cell{std::int64_t{1}};
  if (type < integer_bytes.size()) {
    auto const bytes = integer_bytes.at(type);
    auto const value = body.number(bytes);
    if (!value) return std::nullopt;
    return Cell{extended(*value, bytes)};
  }
  if (type < 13 || type % 2 == 0) return std::nullopt;
  auto const text = body.take((type - 13) / 2);
  if (text.size() != (type - 13) / 2) return std::nullopt;
  return Cell{std::string_view{reinterpret_cast<char const*>(text.data()), text.size()}};
}

/// Returns the row of a record; an empty one if it is none.
Row row_of(std::string const& record, std::int64_t key) {
  Bytes const all{reinterpret_cast<unsigned char const*>(record.data()), record.size()};
  ByteReader size_reader{all};
  auto const header_size = size_reader.varint();
  if (!header_size || *header_size > all.size()) return {};
  ByteReader header{all.first(static_cast<std::size_t>(*header_size))};
  static_cast<void>(header.varint());
  ByteReader body{all.subspan(static_cast<std::size_t>(*header_size))};
  Row row;
  while (!header.is_empty()) {
    auto const type = header.varint();
    auto const value = type ? value_of(*type, body) : std::nullopt;
    if (!value) return {};
    row.push_back(*value);
  }
  if (!row.empty() && row[0].type == Cell::Type::null) row[0] = key;  // where SQLite keeps integer keys
  return row;
}

}  // namespace

void for_each_record(PageImage const& image, PageImage::Page const& page, std::vector<std::size_t> const& moments,
                     std::function<bool(Row const&, bool)> const& accept) {
  if (page[0] != table_leaf) return;
  constexpr std::size_t page_header = 8;
  ByteReader reader{Bytes{page}.subspan(3)};
  auto const cells = std::min<std::uint64_t>(reader.number(2).value_or(0), usable / 4);
  ByteReader offsets{Bytes{page}.subspan(page_header)};
  for (std::uint64_t i = 0; i < cells; ++i) {
    auto const cell = cell_at(page, static_cast<std::size_t>(offsets.number(2).value_or(usable)));
    if (!cell) continue;
    auto const tries = cell->next_page == 0 ? std::size_t{1} : moments.size();
    for (std::size_t k = 0; k < tries; ++k) {
      auto const record = assemble(image, *cell, moments[k]);
      if (accept(row_of(record, cell->key), k + 1 == tries)) break;
    }
  }
}

}  // namespace farm::detail
