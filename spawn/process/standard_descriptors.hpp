#pragma once

namespace farm::detail {

/// Opens /dev/null in the place of each of the descriptors 0 to 2 that is closed. Otherwise the next file or socket
/// that is opened would get that number, and would be written to as stdout or stderr.
void open_standard_descriptors() noexcept;

}  // namespace farm::detail
