#pragma once

#include <farm/comm.hpp>

#include <cstdint>
#include <tuple>
#include <vector>

/// The tasks of the demo. They are registered by name too, so `farm map` runs them.
namespace farm::demo {

/// Returns the task's number, the size of its group, and the rank that returns this.
std::tuple<int, int, int> calc(int i, Comm const& comm);

/// Computes some lines of a picture of the Julia set of z^2 + 0.65i, with `width` values per line. A value is 255 minus
/// the number of steps until |z| reaches 3, or 1 if |z| never does. The window is -2..2 by -1.5..1.5. Each rank
/// computes a part of the lines, and rank 0 gathers them: the result is empty on the other ranks. Throws
/// std::invalid_argument if the lines are not within the picture.
std::vector<std::uint8_t> julia(int first_line, int lines, int width, int height, Comm const& comm);

/// The time at which the heat tasks stop.
inline constexpr double heat_end_time = 0.05;

/// Computes heat conduction of diffusivity `alpha` in a unit square whose border is kept at 0, from the initial state
/// sin(pi x) sin(pi y), on points x points inner points. The scheme is explicit in time and of second order in space;
/// each rank holds a part of the rows. Returns the computed amplitude of the mode, the exact amplitude, and their
/// relative difference, the same on all ranks. Throws std::invalid_argument if alpha is not above 0 or there are fewer
/// points than ranks.
std::tuple<double, double, double> heat(double alpha, int points, Comm const& comm);

}  // namespace farm::demo
