// What the precompiled headers of tests belong to: see tests/functions.cmake.
int main() {}
