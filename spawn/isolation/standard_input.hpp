#pragma once

namespace farm::detail {

/// Makes the standard input of this process empty. A rank must not read the master's input, nor wait for a terminal.
void empty_standard_input();

}  // namespace farm::detail
