#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Devices (GPUs), which the libraries of their makers find by environment variables: CUDA_VISIBLE_DEVICES,
/// HIP_VISIBLE_DEVICES and ZE_AFFINITY_MASK.
namespace farm::detail {

/// Returns how many devices this process is allowed, if one of these variables is set: the entries of its list.
[[nodiscard]] std::optional<int> listed_devices();

/// Returns how many devices of NVIDIA the kernel's driver has made files for in `directory`.
[[nodiscard]] int detected_devices(std::string const& directory = "/dev");

/// The names of these variables.
inline constexpr std::array device_variable_names{"CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"};

/// Returns the variables by which a process sees these devices only, by their numbers from 0. Of a list that is set
/// already, they are the entries.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> device_variables(std::vector<int> const& devices);

}  // namespace farm::detail
