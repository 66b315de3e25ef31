#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

namespace farm {

/// The types that an array can hold: integers, floating-point numbers and complex numbers, but not bool, whose
/// representation in a file is not portable.
template <class T>
concept Element = (std::is_arithmetic_v<T> && !std::is_same_v<std::remove_cv_t<T>, bool>) ||
                  std::is_same_v<std::remove_cv_t<T>, std::complex<float>> ||
                  std::is_same_v<std::remove_cv_t<T>, std::complex<double>>;

namespace detail {

/// Identifies an element type in files and messages. Types of the same representation share a value: long and long
/// long, char and signed char.
enum class ElementType : std::uint8_t {
  int8,
  int16,
  int32,
  int64,
  uint8,
  uint16,
  uint32,
  uint64,
  float32,
  float64,
  long_double,
  complex64,
  complex128
};

/// Returns the size of an element in bytes.
[[nodiscard]] std::size_t element_size(ElementType type) noexcept;

/// Returns the type's NumPy name: "int32", "complex128" (two doubles).
[[nodiscard]] std::string_view element_name(ElementType type) noexcept;

/// Returns the ElementType of T.
template <Element T>
consteval ElementType find_element_type() {
  using enum ElementType;
  if constexpr (std::is_same_v<T, std::complex<float>>)
    return complex64;
  else if constexpr (std::is_same_v<T, std::complex<double>>)
    return complex128;
  else if constexpr (std::is_same_v<T, float>)
    return float32;
  else if constexpr (std::is_same_v<T, double>)
    return float64;
  else if constexpr (std::is_floating_point_v<T>)
    return long_double;
  else if constexpr (sizeof(T) == 1)
    return std::is_signed_v<T> ? int8 : uint8;
  else if constexpr (sizeof(T) == 2)
    return std::is_signed_v<T> ? int16 : uint16;
  else if constexpr (sizeof(T) == 4)
    return std::is_signed_v<T> ? int32 : uint32;
  else
    return std::is_signed_v<T> ? int64 : uint64;
}

/// The ElementType of T, const or not.
template <Element T>
inline constexpr ElementType element_type_of = find_element_type<std::remove_cv_t<T>>();

}  // namespace detail
}  // namespace farm
