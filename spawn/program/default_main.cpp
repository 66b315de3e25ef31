#include <farm/main.hpp>

int main(int argc, char** argv) { return farm::run_main(argc, argv); }
