#include "spawn/cache/result_entry.hpp"

#include <farm/error.hpp>

#include <fmt/format.h>

#include <cstring>

namespace farm::detail {
namespace {

constexpr std::string_view magic = "farmres\n";

/// How each file begins.
struct Head {
  char magic[8];
  std::uint32_t format;
  std::uint32_t header_bytes;
};
static_assert(sizeof(Head) == 16 && sizeof(WideHash) == 16, "files have these sizes");

WideHash hash_of(std::string_view bytes) {
  Hash hash;
  hash.add(bytes.data(), bytes.size());
  return hash.take_wide();
}

WideHash hash_of(std::vector<Bytes> const& values) {
  Hash hash;
  for (auto const& value : values) hash.add(value.data(), value.size());
  return hash.take_wide();
}

Head read_head(std::string_view file) {
  Head head{};
  if (file.size() < sizeof head) throw DamagedEntry("its end is missing");
  std::memcpy(&head, file.data(), sizeof head);
  if (std::string_view{head.magic, sizeof head.magic} != magic) throw DamagedEntry("it does not begin as it should");
  if (head.format != entry_format)
    throw DamagedEntry(fmt::format("its format is {}, and {} is expected", head.format, entry_format));
  return head;
}

std::uint64_t values_bytes(EntryHeader const& header) {
  std::uint64_t bytes = 0;
  for (auto const size : header.value_sizes) bytes += size;
  return bytes;
}

}  // namespace

Bytes encode(ResultEntry& entry) {
  auto& header = entry.header;
  header.value_sizes.clear();
  for (auto const& value : entry.values) header.value_sizes.push_back(value.size());
  header.values_hash = hash_of(entry.values);
  auto const packed = pack(header);
  Head head{.magic = {}, .format = entry_format, .header_bytes = static_cast<std::uint32_t>(packed.size())};
  std::memcpy(head.magic, magic.data(), sizeof head.magic);
  Bytes file;
  file.reserve(sizeof head + packed.size() + sizeof(WideHash) + values_bytes(header));
  file.append(reinterpret_cast<char const*>(&head), sizeof head).append(packed);
  auto const hash = hash_of(file);
  file.append(reinterpret_cast<char const*>(&hash), sizeof hash);
  for (auto const& value : entry.values) file.append(value);
  return file;
}

std::uint64_t header_end(std::string_view begin) {
  return sizeof(Head) + read_head(begin).header_bytes + sizeof(WideHash);
}

EntryHeader read_header(std::string_view begin, std::uint64_t file_bytes) {
  auto const end = header_end(begin);
  if (begin.size() < end) throw DamagedEntry("its end is missing");
  auto const hashed = begin.substr(0, end - sizeof(WideHash));
  WideHash expected{};
  std::memcpy(&expected, begin.data() + hashed.size(), sizeof expected);
  if (hash_of(hashed) != expected) throw DamagedEntry("the checksum of its header is wrong");
  EntryHeader header;
  try {
    header = unpack<EntryHeader>(hashed.substr(sizeof(Head)));
  } catch (std::exception const& error) {
    throw DamagedEntry(fmt::format("its header cannot be read: {}", error.what()));
  }
  if (file_bytes != end + values_bytes(header))
    throw DamagedEntry(fmt::format("it has {} bytes, and {} are expected", file_bytes, end + values_bytes(header)));
  return header;
}

ResultEntry decode_entry(std::string_view file) {
  ResultEntry entry{.header = read_header(file, file.size())};
  auto rest = file.substr(header_end(file));
  entry.values.reserve(entry.header.value_sizes.size());
  for (auto const size : entry.header.value_sizes) {
    entry.values.emplace_back(rest.substr(0, size));
    rest.remove_prefix(size);
  }
  if (hash_of(entry.values) != entry.header.values_hash) throw DamagedEntry("the checksum of its values is wrong");
  return entry;
}

}  // namespace farm::detail
