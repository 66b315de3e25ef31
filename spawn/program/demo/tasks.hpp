#pragma once

#include <farm/comm.hpp>

#include <cstdint>
#include <tuple>
#include <vector>

/// What the demo computes. All of it is registered by name too.
namespace farm::demo {

/// The task's number, the size of its group and the rank whose result this is.
std::tuple<int, int, int> calc(int i, Comm const& comm);

/// Some lines of a picture of the Julia set of z^2 + 0.65i, of `width` values each: 255 less the steps until |z|
/// reaches 3, and 1 where it does not. The window is -2..2 by -1.5..1.5. The lines are shared out over the ranks and
/// gathered on rank 0, where alone the result is not empty. Throws std::invalid_argument where the lines are not within
/// the picture.
std::vector<std::uint8_t> julia(int first_line, int lines, int width, int height, Comm const& comm);

/// Time at which the heat tasks stop.
inline constexpr double heat_end_time = 0.05;

/// Heat conduction of diffusivity `alpha` in a unit square whose border is kept at 0, from sin(pi x) sin(pi y), on
/// points x points inner points: explicit in time, second order in space, rows shared out over the ranks. Amplitude of
/// the mode computed, the exact one, and their relative difference. The same on all ranks. Throws std::invalid_argument
/// where alpha is not above 0, or the points are fewer than the ranks.
std::tuple<double, double, double> heat(double alpha, int points, Comm const& comm);

}  // namespace farm::demo
