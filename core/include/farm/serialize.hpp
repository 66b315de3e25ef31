#pragma once

#include <farm/error.hpp>

#include <cereal/archives/adapters.hpp>
#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

/// Values to bytes and back, by cereal: whatever cereal can serialize may be an argument or a result.
/// The bytes are in the machine's own representation: both sides run the same build, which is checked when they meet.
/// This is the only header that includes cereal.
namespace farm {

/// Packed values. A string, since short ones (an int, two doubles) then need no allocation.
using Bytes = std::string;

class PackArchive : public cereal::OutputArchive<PackArchive, cereal::AllowEmptyClassElision> {
 public:
  explicit PackArchive(Bytes& out) : OutputArchive(this), out_(out) {}
  void write(void const* data, std::size_t size) { out_.append(static_cast<char const*>(data), size); }

 private:
  Bytes& out_;
};

class UnpackArchive : public cereal::InputArchive<UnpackArchive, cereal::AllowEmptyClassElision> {
 public:
  explicit UnpackArchive(std::string_view in) : InputArchive(this), in_(in) {}

  /// Throws SerializationError where fewer than `size` bytes are left.
  void read(void* data, std::size_t size) {
    if (size > in_.size()) throw SerializationError("fewer bytes than the type needs");
    if (size != 0) std::memcpy(data, in_.data(), size);
    in_.remove_prefix(size);
  }
  [[nodiscard]] std::string_view rest() const noexcept { return in_; }

 private:
  std::string_view in_;
};

template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_SAVE_FUNCTION_NAME(PackArchive& archive, T const& value) { archive.write(&value, sizeof value); }

template <class T>
requires std::is_arithmetic_v<T>
void CEREAL_LOAD_FUNCTION_NAME(UnpackArchive& archive, T& value) { archive.read(&value, sizeof value); }

template <class Archive, class T>
requires std::is_same_v<Archive, PackArchive> || std::is_same_v<Archive, UnpackArchive>
void CEREAL_SERIALIZE_FUNCTION_NAME(Archive& archive, cereal::NameValuePair<T>& pair) { archive(pair.value); }

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(PackArchive& archive, cereal::SizeTag<T> const& tag) {
  archive(tag.size);
}

/// A container is resized to what is read here before its elements are: bytes that are none must not allocate at will.
/// Elements may have no bytes at all, so there may be more of them than bytes are left.
template <class T>
void CEREAL_LOAD_FUNCTION_NAME(UnpackArchive& archive, cereal::SizeTag<T>& tag) {
  constexpr std::size_t harmless = std::size_t{1} << 20U;
  archive(tag.size);
  if (tag.size > archive.rest().size() && tag.size > harmless)
    throw SerializationError("fewer bytes than the size needs");
}

template <class T>
void CEREAL_SAVE_FUNCTION_NAME(PackArchive& archive, cereal::BinaryData<T> const& binary) {
  archive.write(binary.data, static_cast<std::size_t>(binary.size));
}

template <class T>
void CEREAL_LOAD_FUNCTION_NAME(UnpackArchive& archive, cereal::BinaryData<T>& binary) {
  archive.read(binary.data, static_cast<std::size_t>(binary.size));
}

template <class T>
concept Serializable = cereal::traits::is_output_serializable<T, PackArchive>::value &&
    cereal::traits::is_input_serializable<T, UnpackArchive>::value;

/// Appends the values to `out`. Whatever a user's serialize function throws comes through.
template <class... Ts>
void pack_into(Bytes& out, Ts const&... values) {
  PackArchive archive{out};
  archive(values...);
}

template <class... Ts>
[[nodiscard]] Bytes pack(Ts const&... values) {
  Bytes out;
  pack_into(out, values...);
  return out;
}

/// One value of type T from bytes that pack<T> made. Throws SerializationError where bytes are missing or left over.
template <class T>
[[nodiscard]] T unpack(std::string_view bytes) {
  UnpackArchive archive{bytes};
  T value{};
  archive(value);
  if (!archive.rest().empty()) throw SerializationError("more bytes than the type needs");
  return value;
}

}  // namespace farm

CEREAL_REGISTER_ARCHIVE(farm::PackArchive)
CEREAL_REGISTER_ARCHIVE(farm::UnpackArchive)
CEREAL_SETUP_ARCHIVE_TRAITS(farm::UnpackArchive, farm::PackArchive)
