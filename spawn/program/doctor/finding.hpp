#pragma once

#include <string>
#include <vector>

/// What the doctor looks at. None of these throws: what fails is a finding.
namespace farm::detail {

struct Finding {
  enum class State { ok, note, fail };
  std::string subject;
  State state = State::ok;
  std::string text;
  std::string advice{};  ///< what to change, where something is to be gained by it
};
using Findings = std::vector<Finding>;

/// Before the Runtime, which changes the environment: user, launcher, fabric, guards, PMIx, HDF5, stage directory,
/// descriptors.
[[nodiscard]] Findings look_around();

/// With the Runtime: MPI, slots, cores.
[[nodiscard]] Findings look_at_mpi();

/// Spawns a group of two ranks, or of one where there is but one slot, and asks what they see.
[[nodiscard]] Findings try_spawn();

}  // namespace farm::detail
