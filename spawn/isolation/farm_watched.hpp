#pragma once

/// Marks the definition of a function of libc or MPI that the farm defines in front of the library's own. It is weak: a
/// program, or a tool that is linked with it, may define the same function, for example to trace MPI. Then that one is
/// called, and the farm does not see the calls.
#define FARM_WATCHED [[gnu::weak]]
