#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

/// Returns element i of a test array. It differs from its neighbours in every type.
template <class T>
T value_at(std::size_t i) {
  auto const byte = static_cast<std::uint8_t>(i * 37 + i / 251);
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(sizeof(T) == 1 ? byte : i * 257 % 65'000);
  else if constexpr (std::is_floating_point_v<T>)
    return static_cast<T>(i) + T{0.5};
  else
    return {static_cast<typename T::value_type>(i), -static_cast<typename T::value_type>(i) / 2};
}

template <class T>
std::vector<T> values_of(std::size_t count) {
  std::vector<T> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = value_at<T>(i);
  return values;
}
