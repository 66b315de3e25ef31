#pragma once

#include "core/resources/capacity.hpp"

#include <string>

namespace farm::detail {

/// A host, and how many ranks can run there at once.
struct HostSlots {
  std::string name;
  int slots = 1;
  int component = -1;   ///< of a heterogeneous Slurm job, whose components cannot share a group; -1: no such job
  Capacity capacity{};  ///< what ranks can have there, besides slots
};

}  // namespace farm::detail
