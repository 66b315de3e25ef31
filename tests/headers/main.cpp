// The program of the test `headers`: compiling and linking it is the test.
#include <cstdio>

int main() { return std::printf("%d public headers compile by themselves\n", FARM_HEADER_COUNT) > 0 ? 0 : 1; }
