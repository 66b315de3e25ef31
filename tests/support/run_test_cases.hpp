#pragma once

/// Runs the linked test cases as Catch2's main() would, and returns the exit status of the program.
int run_test_cases(int argc, char** argv);
