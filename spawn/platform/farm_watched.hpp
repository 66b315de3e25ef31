#pragma once

/// Marks the definition of a function of libc or MPI that the farm defines in front of the library's own. It is weak: a
/// program, or a tool that is linked with it, may define the same function, for example to trace MPI. Then that one is
/// called, and the farm does not see the calls.
#define FARM_WATCHED [[gnu::weak]]

// Sanitizers define some functions of libc themselves. In such a build the farm defines none of these, and assumes
// after each task that all of them were called.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FARM_WATCHES_CALLS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define FARM_WATCHES_CALLS 0
#endif
#endif
#ifndef FARM_WATCHES_CALLS
#define FARM_WATCHES_CALLS 1
#endif
