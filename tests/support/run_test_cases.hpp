#pragma once

/// Runs the test cases that were linked in, as Catch2's main() would; returns the program's exit status.
int run_test_cases(int argc, char** argv);
