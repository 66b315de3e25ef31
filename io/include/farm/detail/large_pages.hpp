#pragma once

#include <cstddef>

namespace farm::detail {

/// Asks the kernel for large pages in memory that has not been touched yet. For large blocks the page faults of small
/// pages take longer than the copying. Small blocks are left alone.
void use_large_pages(void* memory, std::size_t bytes) noexcept;

}  // namespace farm::detail
