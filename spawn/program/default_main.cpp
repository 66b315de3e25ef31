#include "spawn/program/kept_output.hpp"

#include <farm/main.hpp>

// Redirects the output before the constructors of shared libraries run, since they may print. Only an executable can
// have such a function, so this one stands beside main(). The code of sanitizers must not run so early.
#ifndef FARM_SANITIZED
namespace {

void run_before_constructors(int argc, char** argv, char** environment) {
  farm::detail::keep_output(argc, argv, environment);
}

[[gnu::section(".preinit_array"), gnu::used]] void (*const before_constructors)(int, char**,
                                                                                char**) = run_before_constructors;

}  // namespace
#endif

int main(int argc, char** argv) { return farm::run_main(argc, argv); }
