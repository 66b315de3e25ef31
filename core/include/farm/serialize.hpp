#pragma once

#include <farm/detail/aggregate.hpp>
#include <farm/detail/bytes.hpp>
#include <farm/error.hpp>

#include <cereal/archives/adapters.hpp>
#include <cereal/cereal.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/chrono.hpp>
#include <cereal/types/complex.hpp>
#include <cereal/types/deque.hpp>
#include <cereal/types/list.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/unordered_set.hpp>
#include <cereal/types/utility.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <concepts>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

/// Packs values to bytes and unpacks them, by means of cereal: any type that cereal can serialize may be an argument or
/// a result of a task, and so may a plain struct of such types and a std::filesystem::path. The bytes have the
/// machine's own representation, since both sides run the same build; the master and the rank check this when they
/// connect. This is the only header that includes cereal. Include <cereal/types/memory.hpp> for smart pointers: it is
/// not included here, since it takes a tenth of the time to compile a small program.
namespace farm {

namespace detail {

/// Owners of what packed bytes refer to, such as the file of an array. What they own exists for as long as they do.
using Keepers = std::vector<std::shared_ptr<void>>;

/// True if an archive takes a T apart itself: a plain struct without functions for cereal, neither its own nor
/// cereal's.
template <class T>
[[nodiscard]] constexpr bool packs_members();

}  // namespace detail

/// The cereal archive that packs. It appends to the bytes that it is constructed with; they must outlive it.
class PackArchive : public cereal::OutputArchive<PackArchive, cereal::AllowEmptyClassElision> {
 public:
  /// Constructs an archive that appends to `out`. note_keeper() appends to `keepers`, which must outlive the archive;
  /// if it is null, keepers are not collected.
  explicit PackArchive(Bytes& out, detail::Keepers* keepers = nullptr)
      : OutputArchive(this), out_(out), keepers_(keepers) {}

  /// Appends the values. A plain struct is appended member by member, and needs no serialize().
  template <class... Ts>
  PackArchive& operator()(Ts&&... values) {
    (put(std::forward<Ts>(values)), ...);
    return *this;
  }
  /// Appends the value.
  template <class T>
  PackArchive& operator&(T&& value) {
    return (*this)(std::forward<T>(value));
  }

  /// Appends `size` bytes.
  void write(void const* data, std::size_t size) { out_.append(static_cast<char const*>(data), size); }

  /// Collects the owner of something that the packed bytes refer to, so that it exists for as long as the bytes are on
  /// their way. Called by the save function of a value that refers to a file. Ignores a null keeper.
  void note_keeper(std::shared_ptr<void> const& keeper) {
    if (keeper != nullptr && keepers_ != nullptr) keepers_->push_back(keeper);
  }

 private:
  template <class T>
  void put(T&& value) {
    if constexpr (detail::packs_members<std::remove_cvref_t<T>>()) {
      detail::with_members(std::as_const(value), [this](auto const&... members) { (*this)(members...); });
    } else {
      OutputArchive::operator()(std::forward<T>(value));
    }
  }

  Bytes& out_;
  detail::Keepers* keepers_;
};

/// The cereal archive that unpacks. It reads the bytes that it is constructed with; they must outlive it.
class UnpackArchive : public cereal::InputArchive<UnpackArchive, cereal::AllowEmptyClassElision> {
 public:
  /// Constructs an archive that reads `in` from its start.
  explicit UnpackArchive(std::string_view in) : InputArchive(this), in_(in) {}

  /// Reads the values. A plain struct is read member by member, and needs no serialize().
  template <class... Ts>
  UnpackArchive& operator()(Ts&&... values) {
    (get(std::forward<Ts>(values)), ...);
    return *this;
  }
  /// Reads the value.
  template <class T>
  UnpackArchive& operator&(T&& value) {
    return (*this)(std::forward<T>(value));
  }

  /// Copies the next `size` bytes to `data`. Throws SerializationError if fewer than `size` bytes are left.
  void read(void* data, std::size_t size) {
    if (size > in_.size()) throw SerializationError("fewer bytes than the type needs");
    if (size != 0) std::memcpy(data, in_.data(), size);
    in_.remove_prefix(size);
  }
  /// Returns the bytes that are left.
  [[nodiscard]] std::string_view rest() const noexcept { return in_; }

 private:
  template <class T>
  void get(T&& value) {
    if constexpr (detail::packs_members<std::remove_cvref_t<T>>()) {
      detail::with_members(value, [this](auto&... members) { (*this)(members...); });
    } else {
      InputArchive::operator()(std::forward<T>(value));
    }
  }

  std::string_view in_;
};

/// @cond
// The functions that cereal calls for numbers, names, sizes and blocks of memory.

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

/// Reads the size to which cereal then resizes a container, before it reads the elements. Refuses a large size that
/// exceeds the bytes that are left, so that invalid bytes cannot request any amount of memory. A small size may exceed
/// them, because elements may take no bytes at all.
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

namespace detail {

/// Satisfied by std::filesystem::path, whose header is large and not included here.
template <class T>
concept Path = std::is_class_v<T> && requires(T const& path) {
  T::preferred_separator;
  { path.native() } -> std::same_as<std::string const&>;
  path.lexically_normal();
};

}  // namespace detail

template <detail::Path T>
void CEREAL_SAVE_FUNCTION_NAME(PackArchive& archive, T const& path) {
  archive(path.native());
}

template <detail::Path T>
void CEREAL_LOAD_FUNCTION_NAME(UnpackArchive& archive, T& path) {
  std::string text;
  archive(text);
  path = std::move(text);
}

/// @endcond

namespace detail {

template <class T>
concept Packable = cereal::traits::is_output_serializable<T, PackArchive>::value;
template <class T>
concept Unpackable = cereal::traits::is_input_serializable<T, UnpackArchive>::value;

template <class T>
constexpr bool packs_members() {
  if constexpr (std::is_class_v<T> && std::is_aggregate_v<T>) {
    if constexpr (!Packable<T> && !Unpackable<T>) {
      return is_plain_struct<T>;
    } else {
      return false;
    }
  } else {
    return false;
  }
}

template <class T>
constexpr bool is_serializable();

template <class... Ms>
constexpr bool all_serializable(std::tuple<std::type_identity<Ms>...>* /*members*/) {
  return (is_serializable<Ms>() && ...);
}

/// Returns whether T, with all members if it is a plain struct, can be packed and unpacked.
template <class T>
constexpr bool is_serializable() {
  if constexpr (packs_members<T>()) {
    return all_serializable(static_cast<member_types<T>*>(nullptr));
  } else {
    return Packable<T> && Unpackable<T> && !std::is_pointer_v<T>;  // cereal has a function that refuses pointers
  }
}

}  // namespace detail

/// Satisfied by types that can be packed and unpacked: those for which cereal has functions, and plain structs of such
/// types, with at most 16 members.
template <class T>
concept Serializable = detail::is_serializable<T>();

/// Appends the packed values to `out`. Throws what a user's serialize function throws.
template <class... Ts>
void pack_into(Bytes& out, Ts const&... values) {
  PackArchive archive{out};
  archive(values...);
}

/// Returns the packed values. Throws what a user's serialize function throws.
template <class... Ts>
[[nodiscard]] Bytes pack(Ts const&... values) {
  Bytes out;
  pack_into(out, values...);
  return out;
}

/// Returns the value of type T in bytes that pack() has made of one T. Throws SerializationError if bytes are missing
/// or left over.
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
