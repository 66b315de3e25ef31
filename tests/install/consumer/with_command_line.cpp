#include <farm/farm.hpp>

// The program has no main() of its own: farm::main provides one, with the command line of the farm program.
int square_on_ranks(int i, farm::Comm const& comm) { return i * i * comm.size(); }
FARM_TASK(square_on_ranks)
