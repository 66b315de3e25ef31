#pragma once

#include <filesystem>

namespace farm::detail {

/// Of this process's StageRun, else what set_stage_directory() said; empty where there is neither.
[[nodiscard]] std::filesystem::path default_stage_directory();

}  // namespace farm::detail
